import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as plugin from '../../host';
import * as describing from '../../host/describe';
import { DwApbUart, SimulatedHost } from '../../host/sim';

const page = readFileSync(new URL('../../docs/guest-description.md', import.meta.url), 'utf8');

it('shows an example that describes a device as it stands', async () => {
  const example = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const body = example.replace(/^import .*\n/gm, '');
  const host = new SimulatedHost();
  host.addDevice({ name: '9040000.serial', model: new DwApbUart() });
  const scope = { ...plugin, ...describing, host };
  const run = new Function(
    ...Object.keys(scope),
    `return (async () => { ${body}; return { device, deviceTree, ssdt }; })()`,
  );
  const { device, deviceTree, ssdt } = await run(...Object.values(scope));
  expect(deviceTree).toContain('serial@fea00000 {\n\tcompatible = "snps,dw-apb-uart";');
  expect(Buffer.from(ssdt).includes('APMC0D08')).toBe(true);
  device.close();
});
