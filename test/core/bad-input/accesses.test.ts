import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceOptions } from '../../../host/options/options';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { ProbeDevice } from '../device/models';
import { accessProblems, Rig } from '../device/rig';

const SIZES = [0x1000, 0, 0x104, 0x3000] as const;
const ONES = 0xffffffff;

/** What a read of `width` bytes gives where nothing answers. */
function onesOf(width: number): number {
  return width === 1 || width === 2 ? 256 ** width - 1 : ONES;
}

const ONES_64 = 0xffffffffffffffffn;

/** Numbers as an embedder with a slip of the pen passes them, plausible ones among them. */
const odd = fc.oneof(
  fc.constantFrom(-1, -4, 0.5, 4.5, 2 ** 32, 2 ** 32 + 4, 2 ** 53, -(2 ** 31), 1e300),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const wholeOffsets = fc.oneof(
  fc.integer({ min: 0, max: 0x3010 }),
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0xffffffff, 0xfffffffc, 0x80000000, 0xffffff8),
);
const offsets = fc.oneof(wholeOffsets, odd);
const widths = fc.oneof(fc.integer({ min: 0, max: 16 }), fc.constantFrom(1, 2, 4));
const regions = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.constantFrom(255, 256, 65536, 2 ** 31, 0xffffffff),
);

/** Whether an access of that shape may reach the device. */
function isInside(region: number, offset: number, width: number): boolean {
  const size = SIZES[region];
  return (
    size !== undefined &&
    [1, 2, 4, 8].includes(width) &&
    Number.isInteger(offset) &&
    offset >= 0 &&
    offset + width <= size
  );
}

async function open(options: DeviceOptions) {
  const rig = new Rig();
  const { model } = rig.add(new ProbeDevice({ regions: SIZES.map((size) => ({ size })) }));
  const opened = await rig.open({ ...options, policy: options.policy ?? 'strict' });
  model.take();
  return { rig, model, opened, device: opened.device };
}

function bytesFrom(offset: number, width: number): number {
  let value = 0;
  for (let lane = Math.min(width, 4) - 1; lane >= 0; lane--) {
    value = value * 256 + ((offset + lane) & 0xff);
  }
  return value;
}

describe.each([
  ['mapped', {}],
  ['not mapped', { xNoMmap: true }],
  ['policy qemu', { policy: 'qemu' }],
] as const)('guest accesses, %s', (_, options) => {
  test('a read anywhere with any width gives the bytes there, or ones', async () => {
    const { model, device } = await open(options);
    fc.assert(
      fc.property(regions, offsets, widths, (region, offset, width) => {
        // What a failing run before left behind is not this one's.
        model.take();
        // 8 bytes have calls of their own.
        const inside = width !== 8 && isInside(region, offset, width);
        const expected = inside ? bytesFrom(offset, width) : onesOf(width);
        const { reads, refused } = device.statistics;
        expect(device.read(region, offset, width)).toBe(expected);
        expect(model.take().length > 0).toBe(inside);
        const after = device.statistics;
        expect(after.reads - reads + (after.refused - refused)).toBe(1);
      }),
      { numRuns: 2000 },
    );
  });

  test('a write anywhere with any width reaches its bytes, or nothing', async () => {
    const { model, device } = await open(options);
    fc.assert(
      fc.property(
        regions,
        offsets,
        widths,
        fc.oneof(fc.nat(), odd),
        (region, offset, width, value) => {
          model.take();
          device.write(region, offset, width, value);
          const inside = width !== 8 && isInside(region, offset, width);
          const written = model
            .take()
            .reduce((sum, text) => sum + Number(/:(\d)/.exec(text)?.[1]), 0);
          expect(written).toBe(inside ? width : 0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('an 8-byte read anywhere gives the bytes there, or ones', async () => {
    const { device } = await open(options);
    fc.assert(
      fc.property(regions, offsets, (region, offset) => {
        const inside = isInside(region, offset, 8);
        const low = BigInt(inside ? bytesFrom(offset, 4) : 0);
        const high = BigInt(inside ? bytesFrom(offset + 4, 4) : 0);
        expect(device.read64(region, offset)).toBe(inside ? (high << 32n) | low : ONES_64);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('numbers that are no region and no width', () => {
  const wrong = [-1, 0.5, 2 ** 32, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY];

  test.each(wrong)('an access to region %d reaches nothing', async (region) => {
    const { model, device } = await open({});
    expect(device.read(region, 0, 4)).toBe(ONES);
    expect(device.read64(region, 0)).toBe(ONES_64);
    device.write(region, 0, 4, 1);
    device.write64(region, 0, 1n);
    expect(model.take()).toEqual([]);
    expect(device.statistics.refused).toBe(4);
  });

  test.each([-4, 4.5, 2 ** 32 + 4, 2 ** 33 + 1, Number.NaN, Number.POSITIVE_INFINITY])(
    'an access of width %d reaches nothing',
    async (width) => {
      const { model, device } = await open({});
      expect(device.read(0, 0, width)).toBe(onesOf(width));
      device.write(0, 0, width, 1);
      expect(model.take()).toEqual([]);
      expect(device.statistics.refused).toBe(2);
    },
  );
});

describe('direct accesses', () => {
  function openDirect() {
    const rig = new Rig();
    rig.add(new MemoryDevice({ regions: [{ size: 0x1000 }] }));
    return rig.open({}, { setDirectMapping() {} });
  }

  test('a direct access anywhere with any width gives the bytes there, or ones', async () => {
    const { device } = await openDirect();
    for (let at = 0; at < 0x1000; at += 4) device.write(0, at, 4, 0x01010101 * ((at >> 2) & 0x7f));
    fc.assert(
      fc.property(regions, wholeOffsets, widths, (region, offset, width) => {
        const value = device.directRead(region, offset, width);
        // Unaligned ones have a test of their own.
        fc.pre(offset % (width || 1) === 0);
        const inside = region === 0 && [1, 2, 4].includes(width);
        if (inside && offset + width <= 0x1000) expect(value).not.toBe(onesOf(width));
        else expect(value).toBe(onesOf(width));
      }),
      { numRuns: 2000 },
    );
  });

  test('an unaligned direct access reaches the same bytes as a trapped one', async () => {
    const { device } = await openDirect();
    for (let at = 0; at < 16; at++) device.write(0, at, 1, at);
    expect(device.read(0, 3, 2)).toBe(0x0403);
    expect(device.directRead(0, 3, 2)).toBe(0x0403);
    expect(device.directRead(0, 2, 4)).toBe(0x05040302);
    device.directWrite(0, 6, 4, 0x11223344);
    expect(device.read(0, 6, 4)).toBe(0x11223344);
  });

  test.each([Number.NaN, -0.5, 0.5, 2 ** 32, Number.POSITIVE_INFINITY])(
    'a direct write at offset %d changes nothing',
    async (offset) => {
      const { device } = await openDirect();
      device.directWrite(0, offset, 4, 0x55);
      expect(device.read(0, 0, 4)).toBe(0);
    },
  );
});

describe('access reports', () => {
  test('a guest cannot flood: 100000 bad accesses are few events and all are counted', async () => {
    const { device, opened } = await open({});
    for (let i = 0; i < 50_000; i++) {
      device.read(9, i, 4);
      device.write(0, i, 3, i);
    }
    expect(opened.events.length).toBeLessThanOrEqual(8);
    expect(device.statistics.refused).toBe(100_000);
  });

  test('once a second of machine time reports go on, and tell how many were kept back', async () => {
    const { rig, device, opened } = await open({});
    const told: number[] = [];
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i < 1000; i++) device.read(9, i, 4);
      told.push(opened.events.length);
      rig.advanceMs(1001);
      device.safePoint();
    }
    expect(told).toEqual([8, 16, 24]);
    expect(opened.events.at(-1)).toMatchObject({ suppressed: 2 * 992 });
  });

  test('a report tells what the guest did', async () => {
    const { device, opened } = await open({});
    device.read(3, 0x2ffe, 4);
    device.write(7, 0xfffffffe, 2, 1);
    const report = { type: 'access-failed', errno: undefined, suppressed: 0 };
    expect(opened.events).toEqual([
      {
        ...report,
        ...{ problem: 'out-of-bounds', direction: 'read', region: 3, offset: 0x2ffe, width: 4 },
      },
      {
        ...report,
        ...{ problem: 'no-region', direction: 'write', region: 7, offset: 0xfffffffe, width: 2 },
      },
    ]);
  });

  test('each failed chunk of a split access is reported with its own offset', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    const { device, events } = await rig.open({ policy: 'qemu', xNoMmap: true });
    placed.faults.inject({ call: 'pread', errno: 5, times: 3 });
    device.read(0, 1, 4);
    expect(events).toMatchObject([
      { offset: 1, width: 1 },
      { offset: 2, width: 2 },
      { offset: 4, width: 1 },
    ]);
  });

  test('widths that the device does not take are refused', async () => {
    const rig = new Rig();
    const { model } = rig.add(new ProbeDevice());
    const opened = await rig.open({ accessWidths: [4] });
    expect(opened.device.read(0, 0, 2)).toBe(onesOf(2));
    expect(opened.device.read(0, 2, 4)).toBe(ONES);
    opened.device.write(0, 1, 1, 1);
    expect(model.take()).toEqual([]);
    expect(accessProblems(opened)).toEqual(['bad-width', 'bad-width', 'bad-width']);
  });
});
