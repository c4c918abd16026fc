import { describe, expect, test } from 'vitest';
import type { VfioPlatformDevice } from '../../../host/device/device';
import type { DeviceOptions } from '../../../host/options/options';
import { edges, ProbeDevice } from './models';
import { Rig } from './rig';

// An access of the guest during which the device's model throws (spec S7: a
// failed access completes nothing).

type Access = (device: VfioPlatformDevice) => unknown;

const accesses: Readonly<Record<string, Access>> = {
  'a read of 4 bytes': (device) => device.read(0, 0, 4),
  'a read of 8 bytes': (device) => device.read64(0, 0),
  'a read that is split': (device) => device.read(0, 2, 4),
  'a write of 4 bytes': (device) => device.write(0, 0, 4, 1),
  'a write of 8 bytes': (device) => device.write64(0, 0, 1n),
  'a write that is split': (device) => device.write(0, 2, 4, 1),
};

const ways: Readonly<Record<string, DeviceOptions>> = {
  'through its window': {},
  'through its window, with register rules': {
    eoi: {
      default: 'access',
      rules: [{ region: 0, offset: 0x100, access: 'write', line: 1 }],
    },
  },
  'without one': { xNoMmap: true },
};

async function open(options: DeviceOptions, environment = {}) {
  const rig = new Rig();
  const regions = [{ size: 0x1000, mappable: true }];
  const { model } = rig.add(new ProbeDevice({ lines: edges(2), regions }));
  return { model, ...(await rig.start(options, environment)) };
}

/** Makes the model throw from its access number `from` on, counted from 0. */
function breakAt(model: ProbeDevice, from: number): void {
  let seen = 0;
  const count = () => {
    if (seen++ >= from) throw new Error('out of order');
  };
  model.onRead = count;
  model.onWrite = count;
}

function mend(model: ProbeDevice): void {
  model.onRead = undefined;
  model.onWrite = undefined;
}

describe.each(Object.entries(ways))('%s', (_way, options) => {
  describe.each(Object.entries(accesses))('%s', (name, access) => {
    const parts = name.includes('4 bytes') ? [0] : [0, 1];

    test.each(parts)('that fails in part %s throws once, and completes nothing', async (part) => {
      const { model, device, lines } = await open(options);
      device.signal(0, 1);
      breakAt(model, part);
      expect(() => access(device)).toThrow('out of order');
      mend(model);
      expect(model.take()).toHaveLength(part + 1);
      expect(lines.take()).toEqual(['+0']);
      const { reads, writes } = device.statistics;
      expect([reads, writes]).toEqual(name.includes('read') ? [1, 0] : [0, 1]);
      // The next one is as ever, and has no error of an earlier one to tell.
      access(device);
      expect(lines.take()).toEqual(['-0']);
      device.safePoint();
    });
  });
});

describe('policy qemu', () => {
  test.each(Object.entries(accesses))(
    '%s that fails throws what the model has thrown, for each part of it',
    async (name, access) => {
      const { model, device } = await open({ policy: 'qemu' }, { setDirectMapping() {} });
      breakAt(model, 0);
      expect(() => access(device)).toThrow('out of order');
      mend(model);
      if (name.includes('split')) expect(() => device.safePoint()).toThrow('out of order');
      device.safePoint();
    },
  );
});

test('an untrapped access that fails throws, and reaches nothing more', async () => {
  const { model, device } = await open({}, { setDirectMapping() {} });
  expect(device.directMapping).toBe(true);
  breakAt(model, 0);
  expect(() => device.directRead(0, 2, 4)).toThrow('out of order');
  expect(() => device.directWrite(0, 2, 4, 1)).toThrow('out of order');
  mend(model);
  expect(model.take()).toHaveLength(2);
  expect(device.directRead(0, 0, 4)).toBe(0x03020100);
});
