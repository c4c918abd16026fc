import { describe, expect, test } from 'vitest';
import { IOMMU_IOAS_MAP } from '../../../assembly/abi/iommufd';
import { VFIO_IOMMU_MAP_DMA } from '../../../assembly/abi/vfio';
import { type Rig, refused } from '../rig';

const ENOMEM = 12;
const EBUSY = 16;
const EEXIST = 17;

const ways = [
  { way: 'group and container', options: {}, request: VFIO_IOMMU_MAP_DMA },
  { way: 'iommufd', options: { iommufd: true }, request: IOMMU_IOAS_MAP },
] as const;

/** Guest RAM (spec S10). */
export function dmaStories(rig: Rig): void {
  describe.each(ways)('guest RAM through $way', ({ options, request }) => {
    async function open(name = 'dev') {
      rig.world.addDevice({ name });
      return (await rig.open({ host: name, ...options })).device;
    }

    test('is the same bytes for guest and device', async () => {
      const device = await open();
      const ram = rig.world.allocGuestRam(0x4000);
      device.mapGuestRam(ram, 0x40000000n);
      ram.bytes.set([1, 2, 3], 0xfff);
      expect(rig.world.dmaRead('dev', 0x40000fff, 3)).toEqual([1, 2, 3]);
      expect(rig.world.dmaWrite('dev', 0x40003ffe, [8, 9])).toBe(true);
      expect([...ram.bytes.subarray(0x3ffe)]).toEqual([8, 9]);
    });

    test('ends where it ends', async () => {
      const device = await open();
      device.mapGuestRam(rig.world.allocGuestRam(0x2000), 0x10000n);
      const reached = [0xffff, 0x10000, 0x11fff, 0x12000].map((iova) =>
        rig.world.dmaWrite('dev', iova, [1]),
      );
      expect(reached).toEqual([false, true, true, false]);
    });

    test('that the device may only read is not written', async () => {
      const device = await open();
      device.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x10000n, false);
      expect(rig.world.dmaWrite('dev', 0x10000, [1])).toBe(false);
      expect(rig.world.dmaRead('dev', 0x10000, 1)).toEqual([0]);
    });

    test('is out of reach once it is unmapped, and closed with the device', async () => {
      const device = await open();
      device.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x10000n);
      device.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x20000n);
      expect(rig.world.resources().dmaMappings).toBe(2);
      expect(device.unmapGuestRam(0x10000n)).toBe(true);
      expect(rig.world.dmaWrite('dev', 0x10000, [1])).toBe(false);
      expect(rig.world.resources().dmaMappings).toBe(1);
      device.close();
      expect(rig.world.resources().dmaMappings).toBe(0);
    });

    test('that overlaps what is mapped is refused and changes nothing', async () => {
      const device = await open();
      const ram = rig.world.allocGuestRam(0x2000);
      device.mapGuestRam(ram, 0x10000n);
      const other = rig.world.allocGuestRam(0x2000);
      expect(refused(() => device.mapGuestRam(other, 0x11000n))).toMatchObject({
        code: 'DMA_MAP',
        errno: EEXIST,
      });
      expect(rig.world.dmaWrite('dev', 0x11fff, [7])).toBe(true);
      expect(ram.bytes[0x1fff]).toBe(7);
    });

    test('is tried once more after EBUSY', async () => {
      const device = await open();
      rig.world.fail({ call: 'ioctl', request, errno: EBUSY });
      device.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x10000n);
      expect(rig.world.dmaWrite('dev', 0x10000, [1])).toBe(true);
    });

    test('beyond the limit on locked memory names the limit', async () => {
      const device = await open();
      rig.world.fail({ call: 'ioctl', request, errno: ENOMEM });
      const error = refused(() => device.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x10000n));
      expect(error).toMatchObject({ code: 'DMA_MAP', errno: ENOMEM });
      expect(error.message).toContain('ulimit -l');
      expect(rig.world.resources().dmaMappings).toBe(0);
    });

    test('that does not line up with pages is refused with the remedy', async () => {
      const device = await open();
      const ram = rig.world.allocGuestRam(0x2000);
      const error = refused(() => device.mapGuestRam(ram, 0x10008n));
      expect(error.code).toBe('DMA_UNALIGNED');
      expect(error.message).toContain('allocGuestRam()');
    });

    test('where the IOMMU cannot map is refused', async () => {
      const device = await open();
      const ram = rig.world.allocGuestRam(0x1000);
      expect(refused(() => device.mapGuestRam(ram, 0x8000000n)).code).toBe('DMA_RANGE');
    });

    test('may be Wasm memory', async () => {
      const device = await open();
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
      const ram = { bytes: new Uint8Array(memory.buffer) };
      device.mapGuestRam(ram, 0x100000n);
      expect(rig.world.dmaWrite('dev', 0x10ffff, [0x55])).toBe(true);
      expect(ram.bytes[0xffff]).toBe(0x55);
    });
  });

  test('two devices of one container share a mapping until the last lets go', async () => {
    rig.world.addDevice({ name: 'one', group: 1 });
    rig.world.addDevice({ name: 'two', group: 1 });
    const one = (await rig.open({ host: 'one' })).device;
    const two = (await rig.open({ host: 'two' })).device;
    const ram = rig.world.allocGuestRam(0x1000);
    one.mapGuestRam(ram, 0x10000n);
    two.mapGuestRam(ram, 0x10000n);
    expect(rig.world.resources().dmaMappings).toBe(1);
    one.close();
    expect(rig.world.dmaWrite('two', 0x10000, [1])).toBe(true);
    two.unmapGuestRam(0x10000n);
    expect(rig.world.dmaWrite('two', 0x10000, [1])).toBe(false);
  });

  test('a device of many groups is closed with its mappings and nobody else’s', async () => {
    rig.world.addDevice({ name: 'one', group: 1 });
    rig.world.addDevice({ name: 'two', group: 2 });
    const one = (await rig.open({ host: 'one' })).device;
    const two = (await rig.open({ host: 'two' })).device;
    one.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x10000n);
    two.mapGuestRam(rig.world.allocGuestRam(0x1000), 0x20000n);
    one.close();
    expect(rig.world.resources().dmaMappings).toBe(1);
    expect(rig.world.dmaWrite('two', 0x20000, [1])).toBe(true);
  });
}
