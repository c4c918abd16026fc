import { describe, expect, test } from 'vitest';
import { VfioError } from '../../../host/errors';
import { edges, levels, ProbeDevice } from './models';
import { Rig } from './rig';

// Guest accesses that the host performs by itself, and the interrupts that go
// with them (host/device/guest-path.ts).

const MAPPABLE = { size: 0x1000, mappable: true } as const;

async function open(lines: readonly ('edge' | 'level')[]) {
  const rig = new Rig({ openFileLimit: 4096 });
  const placed = rig.add(new ProbeDevice({ lines, regions: [MAPPABLE, MAPPABLE] }));
  const opened = await rig.open();
  return { rig, placed, device: opened.device, lines: opened.lines };
}

describe('an access that completes a line', () => {
  test('unmasks none that was disarmed, though a snapshot says that it is ACTIVE', async () => {
    const { rig, device, lines } = await open(levels(1));
    device.connectLine(0, lines.target(0));
    device.signal(0, 1);
    const snapshot = device.snapshot();
    device.disconnectLine(0);
    device.restore(snapshot);
    rig.takeCalls();
    device.read(0, 0, 4);
    expect(rig.takeCalls()).toEqual([]);
    expect(device.lines[0]?.state).toBe('inactive');
  });

  test('from inside "line up" that swallows what "line down" throws still unmasks it', async () => {
    const { rig, device } = await open(levels(1));
    device.connectLine(0, {
      up() {
        expect(() => device.read(0, 0, 4)).toThrow('no way down');
      },
      down() {
        throw new Error('no way down');
      },
    });
    rig.takeCalls();
    device.signal(0, 1);
    expect(rig.takeCalls()).toHaveLength(1);
  });

  test('completes nothing when the device model fails', async () => {
    const { placed, device, lines } = await open(edges(1));
    device.connectLine(0, lines.target(0));
    device.signal(0, 1);
    const { reads } = device.statistics;
    placed.model.onRead = () => {
      throw new Error('out of order');
    };
    expect(() => device.read(0, 0, 4)).toThrow('out of order');
    placed.model.onRead = undefined;
    placed.model.onWrite = () => {
      throw new Error('out of order');
    };
    expect(() => device.write(0, 0, 4, 1)).toThrow('out of order');
    placed.model.onWrite = undefined;
    expect(lines.take()).toEqual(['+0']);
    expect(device.statistics.reads).toBe(reads);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['-0']);
  });
});

describe('a region that is none', () => {
  const none = [-1, -0.5, 0.5, 2, 63, 64, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY];

  test.each(none)('%s, as the first region that is accessed', async (region) => {
    // All lines, so that whatever lies around the records of the regions is in use.
    const { placed, device } = await open(edges(1024));
    device.connectLine(1023, { up() {}, down() {} });
    expect(device.read(region, 0, 1)).toBe(0xff);
    device.write(region, 0, 4, 1);
    expect(placed.model.take()).toEqual([]);
    expect(device.statistics).toMatchObject({ reads: 0, writes: 0, refused: 2 });
  });

  test.each([-1, 0, 1])('once the device is closed, %s is that as well', async (region) => {
    const { device } = await open(edges(1024));
    device.connectLine(1023, { up() {}, down() {} });
    device.read(0, 0, 4);
    device.close();
    expect(() => device.read(region, 0, 1)).toThrow(VfioError);
    expect(() => device.write(region, 0, 4, 1)).toThrow(VfioError);
    expect(() => device.read64(region, 0)).toThrow(VfioError);
    expect(() => device.write64(region, 0, 1n)).toThrow(VfioError);
  });

  test('a value that closes the device before it is written reaches nothing', async () => {
    const { placed, device } = await open([]);
    device.read(0, 0, 4);
    placed.model.take();
    const value = {
      valueOf() {
        device.close();
        return 5;
      },
    };
    expect(() => device.write(0, 0, 4, value as unknown as number)).toThrow(VfioError);
    expect(placed.model.take()).toEqual([]);
  });
});

test.each([0, 0.5, 1.5, 3, 5, 8, 33, 34, 36, -1, Number.NaN])(
  'an access of %s bytes reaches nothing',
  async (width) => {
    const { placed, device } = await open([]);
    device.read(0, 0, 4);
    placed.model.take();
    device.read(0, 8, width);
    device.write(0, 8, width, 1);
    expect(placed.model.take()).toEqual([]);
    expect(device.statistics).toMatchObject({ reads: 1, writes: 0, refused: 2 });
  },
);

test('accesses to several regions in turn reach each of them', async () => {
  const { placed, device } = await open([]);
  for (let i = 0; i < 3; i++) {
    device.read(0, 4, 4);
    device.write(1, 8, 2, 5);
  }
  const once = ['r0+4:4', 'w1+8:2=5'];
  expect(placed.model.take()).toEqual([...once, ...once, ...once]);
});
