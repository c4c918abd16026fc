import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failedAccesses, type Opened, type Rig, warnings } from '../rig';

const EIO = 5;
const ENOMEM = 12;

/** Little-endian bytes. */
function bytesOf(value: bigint, width: number): number[] {
  return Array.from({ length: width }, (_, lane) => Number((value >> BigInt(8 * lane)) & 0xffn));
}

/** Ways of reaching a region; the guest must not notice which one it is. */
const ways = [
  { way: 'mapped', region: { size: 0x1000 }, options: {}, mappings: 1 },
  { way: 'not mappable', region: { size: 0x200 }, options: {}, mappings: 0 },
  { way: 'not to be mapped', region: { size: 0x1000 }, options: { xNoMmap: true }, mappings: 0 },
  {
    way: 'mapped in parts',
    region: { size: 0x3000, sparse: [{ offset: 0x1000, size: 0x1000 }] },
    options: {},
    mappings: 1,
  },
] as const;

/** Regions and the guest's accesses to them (spec S4, S5). */
export function regionStories(rig: Rig): void {
  describe.each(ways)('a region that is $way', ({ region, options, mappings }) => {
    async function open(): Promise<Opened> {
      rig.world.addDevice({ name: 'dev', regions: [region] });
      return rig.open({ host: 'dev', ...options });
    }

    test('takes every width, little endian, at the device itself', async () => {
      const { device } = await open();
      expect(rig.world.resources().mappings).toBe(mappings);
      device.write(0, 0x10, 1, 0xa1);
      device.write(0, 0x12, 2, 0xb1b2);
      device.write(0, 0x14, 4, 0xc1c2c3c4);
      device.write64(0, 0x18, 0xd1d2d3d4d5d6d7d8n);
      expect(rig.world.peek('dev', 0, 0x10, 16)).toEqual([
        ...[0xa1, 0, 0xb2, 0xb1, 0xc4, 0xc3, 0xc2, 0xc1],
        ...[0xd8, 0xd7, 0xd6, 0xd5, 0xd4, 0xd3, 0xd2, 0xd1],
      ]);
      rig.world.poke('dev', 0, 0x20, [1, 2, 3, 4, 5, 6, 7, 8]);
      expect(device.read(0, 0x20, 1)).toBe(1);
      expect(device.read(0, 0x22, 2)).toBe(0x0403);
      expect(device.read(0, 0x20, 4)).toBe(0x04030201);
      expect(device.read64(0, 0x20)).toBe(0x0807060504030201n);
    });

    test('sees each change of the device at once', async () => {
      const { device } = await open();
      for (let value = 1; value < 200; value++) {
        rig.world.poke('dev', 0, 0x40, [value]);
        expect(device.read(0, 0x40, 1)).toBe(value);
      }
    });

    test('splits what is not aligned, and loses no byte', async () => {
      const { device } = await open();
      rig.world.poke('dev', 0, 0x80, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(device.read(0, 0x81, 4)).toBe(0x05040302);
      expect(device.read(0, 0x82, 4)).toBe(0x06050403);
      expect(device.read64(0, 0x81)).toBe(0x0908070605040302n);
      device.write(0, 0x83, 4, 0xaabbccdd);
      expect(rig.world.peek('dev', 0, 0x82, 6)).toEqual([3, 0xdd, 0xcc, 0xbb, 0xaa, 8]);
    });

    test('is not reached by what is out of bounds or of a wrong width', async () => {
      const opened = await open();
      const { device } = opened;
      const end = region.size;
      rig.world.poke('dev', 0, end - 4, [9, 9, 9, 9]);
      device.write(0, end - 2, 4, 0);
      device.write(0, end, 1, 0);
      device.write(0, end - 4, 3, 0);
      expect(rig.world.peek('dev', 0, end - 4, 4)).toEqual([9, 9, 9, 9]);
      expect(device.read(0, end - 2, 4)).toBe(0xffffffff);
      expect(device.read(1, 0, 4)).toBe(0xffffffff);
      expect(failedAccesses(opened)).toEqual([
        ...['write out-of-bounds -', 'write out-of-bounds -', 'write bad-width -'],
        ...['read out-of-bounds -', 'read no-region -'],
      ]);
    });

    test('keeps what the guest wrote when it is opened again', async () => {
      const { device } = await open();
      device.write(0, 0x100, 4, 0x5ca1ab1e);
      device.close();
      expect(rig.world.resources().mappings).toBe(0);
      const again = await rig.open({ host: 'dev', ...options });
      expect(again.device.read(0, 0x100, 4)).toBe(0x5ca1ab1e);
    });
  });

  test('an access means the same bytes whichever way it goes', async () => {
    const access = fc.record({
      offset: fc.nat({ max: 0x2ff8 }),
      width: fc.constantFrom(1, 2, 4),
      value: fc.nat({ max: 0xffffffff }),
    });
    rig.world.addDevice({
      name: 'dev',
      regions: [{ size: 0x3000, sparse: [{ offset: 0x1000, size: 0x1000 }] }],
    });
    const { device } = await rig.open({ host: 'dev' });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 20 }), (accesses) => {
        for (const { offset, width, value } of accesses) {
          const masked = width === 4 ? value : value % 2 ** (8 * width);
          device.write(0, offset, width, masked);
          expect(rig.world.peek('dev', 0, offset, width)).toEqual(bytesOf(BigInt(masked), width));
          expect(device.read(0, offset, width)).toBe(masked);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a region that is read-only drops writes, one that is write-only reads as ones', async () => {
    rig.world.addDevice({
      name: 'dev',
      regions: [
        { size: 0x1000, access: 'ro' },
        { size: 0x1000, access: 'wo' },
      ],
    });
    const opened = await rig.open({ host: 'dev' });
    const { device } = opened;
    rig.world.poke('dev', 0, 0, [7]);
    device.write(0, 0, 4, 1);
    device.write(1, 0, 4, 5);
    expect(device.read(0, 0, 4)).toBe(7);
    expect(device.read(1, 0, 4)).toBe(0xffffffff);
    expect(rig.world.peek('dev', 1, 0, 1)).toEqual([5]);
    expect(failedAccesses(opened)).toEqual(['write not-writable -', 'read not-readable -']);
  });

  test('many regions each have their own registers', async () => {
    const count = 8;
    rig.world.addDevice({
      name: 'dev',
      regions: Array.from({ length: count }, (_, i) => ({ size: i % 2 ? 0x1000 : 0x400 })),
    });
    const { device } = await rig.open({ host: 'dev' });
    for (let i = 0; i < count; i++) device.write(i, 8, 4, 100 + i);
    for (let i = 0; i < count; i++) expect(device.read(i, 8, 4)).toBe(100 + i);
    expect(rig.world.resources().mappings).toBe(count / 2);
  });

  test('a region that cannot be mapped is served slowly, with a warning', async () => {
    rig.world.addDevice({ name: 'dev', regions: [{ size: 0x1000 }, { size: 0x1000 }] });
    rig.world.fail({ call: 'mmap', errno: ENOMEM });
    const opened = await rig.open({ host: 'dev' });
    expect(warnings(opened).join()).toContain('performance may be slow');
    expect(opened.device.regions.map((region) => region.mmapErrno)).toEqual([ENOMEM, undefined]);
    expect(rig.world.resources().mappings).toBe(1);
    opened.device.write(0, 0, 4, 3);
    expect(rig.world.peek('dev', 0, 0, 1)).toEqual([3]);
    expect(opened.device.read(0, 0, 4)).toBe(3);
  });

  test('one area that cannot be mapped takes the others of its region along', async () => {
    const sparse = [
      { offset: 0, size: 0x1000 },
      { offset: 0x2000, size: 0x1000 },
    ];
    rig.world.addDevice({ name: 'dev', regions: [{ size: 0x3000, sparse }] });
    rig.world.fail({ call: 'mmap', errno: ENOMEM, skip: 1 });
    const { device } = await rig.open({ host: 'dev' });
    expect(rig.world.resources().mappings).toBe(0);
    rig.world.poke('dev', 0, 0x2004, [0x42]);
    expect(device.read(0, 0x2004, 1)).toBe(0x42);
  });

  test('a transfer that fails or falls short reads as ones and is told', async () => {
    rig.world.addDevice({ name: 'dev', regions: [{ size: 0x100 }] });
    const opened = await rig.open({ host: 'dev' });
    rig.world.poke('dev', 0, 0, [1, 2, 3, 4]);
    rig.world.fail({ call: 'pread', errno: EIO });
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    rig.world.fail({ call: 'pread', bytes: 2 });
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    rig.world.fail({ call: 'pwrite', errno: EIO });
    opened.device.write(0, 0, 4, 0);
    expect(opened.device.read(0, 0, 4)).toBe(0x04030201);
    expect(failedAccesses(opened)).toEqual(['read failed 5', 'read short 5', 'write failed 5']);
  });
}
