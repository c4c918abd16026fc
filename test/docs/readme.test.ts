import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { plug } from '../../host';
import * as rp2040js from '../../host/machines/rp2040js';
import { parseOptions } from '../../host/options/parse-options';
import * as sim from '../../host/sim';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

it('shows an embedding example of at most 15 statements that runs as it stands', async () => {
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
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
  const scope = { plug, ...sim, ...rp2040js, RP2040: QuietRp2040, firmware };
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
