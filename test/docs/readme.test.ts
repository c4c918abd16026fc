import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as root from '../../host';
import * as describing from '../../host/describe';
import * as conformance from '../../host/machines/conformance';
import * as rp2040js from '../../host/machines/rp2040js';
import * as v86 from '../../host/machines/v86';
import * as native from '../../host/native';
import { parseOptions } from '../../host/options/parse-options';
import * as profiles from '../../host/profiles';
import * as sim from '../../host/sim';
import * as trace from '../../host/trace';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const readme = file('README.md');

const entries: Readonly<Record<string, object>> = {
  '': root,
  '/sim': sim,
  '/native': native,
  '/profiles': profiles,
  '/describe': describing,
  '/trace': trace,
  '/machines/rp2040js': rp2040js,
  '/machines/v86': v86,
  '/machines/conformance': conformance,
};
const DOCUMENTS = [
  'README.md',
  'native/README.md',
  ...readdirSync(new URL('../../docs', import.meta.url)).map((name) => `docs/${name}`),
];

it('shows an embedding example of at most 15 statements that runs as it stands', async () => {
  const example = /## Without a device\s+```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const body = example.replace(/^import .*\n/gm, '');
  expect(body.split('\n').filter((line) => /\S/.test(line)).length).toBeLessThanOrEqual(15);
  const { ConsoleLogger, LogLevel, RP2040 } = await import('rp2040js');
  // The firmware looks for devices that the example does not have.
  class QuietRp2040 extends RP2040 {
    override logger = new ConsoleLogger(LogLevel.Error, false);
  }
  const firmware = new Uint8Array(
    readFileSync(new URL('../../firmware/stories.bin', import.meta.url)),
  );
  const scope = { plug: root.plug, ...sim, ...rp2040js, RP2040: QuietRp2040, firmware };
  const run = new Function(
    ...Object.keys(scope),
    `return (async () => { ${body}; return { device, host, text }; })()`,
  );
  const { device, host, text } = await run(...Object.values(scope));
  expect(device.closed).toBe(true);
  expect(text).toMatch(/^\S.*\n$/);
  expect(host.kernel.resources().fds).toBe(0);
});

it('lists exactly the options that there are', () => {
  const listed = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name).sort();
  const known = Object.keys({ host: 0, sysfsdev: 0, fd: 0, profile: 0, ...parseOptions({}) });
  expect(listed).toEqual(known.sort());
});

it('imports only what there is, from entries that the package has', () => {
  const { exports } = JSON.parse(file('package.json'));
  expect(Object.keys(entries).map((entry) => `.${entry}`)).toEqual(
    expect.arrayContaining(Object.keys(exports).filter((entry) => !entry.endsWith('.json'))),
  );
  const imports = DOCUMENTS.flatMap((name) => [
    ...file(name).matchAll(/import (type )?\{([^}]*)\} from 'vfio-platform-wasm([^']*)'/g),
  ]);
  expect(imports.length).toBeGreaterThan(5);
  for (const [text, isType, names = '', entry = ''] of imports) {
    expect(entries, text).toHaveProperty([entry]);
    if (isType) continue;
    const values = names.split(',').map((name) => name.trim());
    for (const name of values) {
      if (name !== '' && !name.startsWith('type '))
        expect(entries[entry], text).toHaveProperty(name);
    }
  }
});
