import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { VfioPlatformDevice } from '../../../host/device/device';
import { levels, ProbeDevice } from '../device/models';
import { Rig, refused } from '../device/rig';

const target = { up() {}, down() {} };
const ram = { bytes: new Uint8Array(0x1000) };

type Call = (device: VfioPlatformDevice, snapshot: Uint8Array) => unknown;

const calls: Readonly<Record<string, Call>> = {
  read: (device) => device.read(0, 0, 4),
  'read out of bounds': (device) => device.read(9, 0, 4),
  write: (device) => device.write(0, 0, 4, 0),
  read64: (device) => device.read64(0, 0),
  write64: (device) => device.write64(0, 0, 0n),
  directRead: (device) => device.directRead(0, 0, 4),
  directWrite: (device) => device.directWrite(0, 0, 4, 0),
  safePoint: (device) => device.safePoint(),
  signal: (device) => device.signal(0, 1),
  completeLine: (device) => device.completeLine(0),
  connectLine: (device) => device.connectLine(0, target),
  'connectLine to an irqchip': (device) => device.connectLine(0, target, 1),
  disconnectLine: (device) => device.disconnectLine(0),
  maskLine: (device) => device.maskLine(0),
  unmaskLine: (device) => device.unmaskLine(0),
  setEoiSource: (device) => device.setEoiSource(0, 'write'),
  addEoiRule: (device) => device.addEoiRule({ region: 0, offset: 0, access: 'write', line: 0 }),
  reset: (device) => device.reset(),
  pause: (device) => device.pause(),
  resume: (device) => device.resume(),
  snapshot: (device) => device.snapshot(),
  restore: (device, snapshot) => device.restore(snapshot),
  mapGuestRam: (device) => device.mapGuestRam(ram, 0n),
  unmapGuestRam: (device) => device.unmapGuestRam(0n),
  regions: (device) => device.regions,
  lines: (device) => device.lines,
};

describe('a closed device', () => {
  test.each(Object.entries(calls))('refuses %s as CLOSED', async (_, call) => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device } = await rig.start();
    const snapshot = device.snapshot();
    device.close();
    rig.takeCalls();
    const error = refused(() => call(device, snapshot));
    expect(error).toMatchObject({ code: 'CLOSED', device: 'dev' });
    expect(rig.takeCalls()).toEqual([]);
  });

  test('has every method of the device in the list above', () => {
    const path = new URL('../../../host/device/device.ts', import.meta.url);
    const source = readFileSync(path, 'utf8');
    const methods = [...source.matchAll(/^ {2}(\w+)\(.*\{$/gm)].map(([, name]) => name as string);
    // close is idempotent, listen only notes the listener, the others are internal.
    const exempt = ['constructor', 'close', 'listen', 'announce', 'start'];
    const left = methods.filter((name) => !(name in calls) && !exempt.includes(name));
    expect(methods.length).toBeGreaterThan(20);
    expect(left).toEqual([]);
  });

  test('can be closed again and again', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device } = await rig.start();
    device.close();
    rig.takeCalls();
    device.close();
    device.close();
    expect(rig.takeCalls()).toEqual([]);
    expect(device.closed).toBe(true);
  });

  test('still tells its name, options and statistics', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device } = await rig.start();
    device.read(0, 0, 4);
    device.close();
    expect(device.name).toBe('dev');
    expect(device.options.policy).toBe('strict');
    expect(device.statistics.reads).toBe(1);
  });

  test('ignores signals of its lines and a timer that was set', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const mapping: boolean[] = [];
    const opened = await rig.start({}, { setDirectMapping: (on) => void mapping.push(on) });
    placed.setLine(0, true);
    opened.device.safePoint();
    opened.device.close();
    expect(opened.lines.take()).toEqual(['+0', '-0']);
    placed.setLine(0, false);
    placed.setLine(0, true);
    rig.advanceMs(5000);
    expect(opened.lines.take()).toEqual([]);
    expect(rig.clock.nextDueNs()).toBeUndefined();
    expect(mapping).toEqual([false]);
  });
});
