import { describe, expect, test } from 'vitest';
import type { DeviceTap } from '../../../host/boundary/tap';
import type { CoreImports } from '../../../host/core/boundary-types';
import { VfioError } from '../../../host/errors';
import { edges, levels, ProbeDevice } from './models';
import { Rig } from './rig';

// Guest accesses that the host performs by itself, and the interrupts that go
// with them (host/device/guest-path.ts).

const MAPPABLE = { size: 0x1000, mappable: true } as const;

function tapOf(between: (imports: CoreImports) => CoreImports): DeviceTap {
  return {
    locate: (find) => find(),
    environment: (environment) => environment,
    imports: (_, imports) => between(imports),
    opening() {},
    opened() {},
    failed() {},
  };
}

async function open(
  lines: readonly ('edge' | 'level')[],
  between?: (imports: CoreImports) => CoreImports,
) {
  const rig = new Rig({ openFileLimit: 4096 });
  const placed = rig.add(new ProbeDevice({ lines, regions: [MAPPABLE, MAPPABLE] }));
  if (between) Object.assign(rig.logged, { tap: { tap: () => tapOf(between) } });
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

  test('throws by itself what stands between core and kernel, before what waits', async () => {
    const { rig, device } = await open(levels(1), (imports) => ({
      ...imports,
      load() {
        throw new Error('in between');
      },
    }));
    const log: string[] = [];
    device.connectLine(0, {
      up() {},
      down() {
        rig.takeCalls();
        expect(() => device.read(0, 0, 4)).toThrow('in between');
        log.push(...rig.takeCalls(), 'down');
      },
    });
    device.signal(0, 1);
    device.write(0, 0, 4, 1);
    expect(log).toEqual(['down']);
    expect(rig.takeCalls()).toEqual([expect.stringContaining('VFIO_DEVICE_SET_IRQS 0x11')]);
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
