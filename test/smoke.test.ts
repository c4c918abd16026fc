import { expect, it } from 'vitest';
import { openDevice } from '../host/device/open';
import { SimulatedHost } from '../host/sim/simulated-host';
import { Pl031 } from '../host/sim/models/pl031';
import { VirtualClock } from '../host/time/virtual-clock';

it('smoke', async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: '9010000.pl031', model: new Pl031({ tickNs: 1e6 }), bus: 'amba' });
  const events: unknown[] = [];
  const device = await openDevice(host, { host: '9010000.pl031', trace: true }, { clock, listener: (e) => events.push(e) });
  expect(device.read(0, 0xfe0, 4)).toBe(0x31);
  const log: string[] = [];
  device.connectLine(0, { up: () => log.push('up'), down: () => log.push('down') });
  device.write(0, 0x0c, 4, 1);
  device.write(0, 0x10, 4, 1);
  device.write(0, 0x04, 4, device.read(0, 0, 4) + 3);
  clock.advance(5e6);
  expect(device.signalsWaiting).toBe(true);
  device.safePoint();
  expect(log).toEqual(['up']);
  device.read(0, 0x14, 4);
  device.write(0, 0x1c, 4, 1);
  expect(log).toEqual(['up', 'down']);
  console.log(events.map((e) => JSON.stringify(e)).join('\n'), device.lines, device.regions);
  device.close();
  console.log(host.kernel.resources());
});
