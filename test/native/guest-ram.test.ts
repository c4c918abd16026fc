import { expect, test } from 'vitest';
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOC_OUT_ID,
  IOMMU_IOAS_ALLOC_SIZE,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_SIZE,
  IOMMU_IOAS_UNMAP,
  IOMMU_IOAS_UNMAP_SIZE,
} from '../../assembly/abi/iommufd';
import { PlainIoctlArgument } from '../../host/boundary/ioctl-argument';
import type { NativeHost } from '../../host/native';
import { NativeWorld } from '../conformance/native/native-world';
import { Rig } from '../conformance/rig';
import { describePlayed } from './describe-played';

describePlayed('guest RAM that a device can reach', () => {
  const rig = new Rig((options) => new NativeWorld(options));

  test.each(['allocGuestRam', 'Wasm memory'])(
    'stays where it is, whatever the collector does (%s)',
    async (from) => {
      rig.world.addDevice({ name: 'dev' });
      const { device } = await rig.open({ host: 'dev' });
      const make = () =>
        from === 'allocGuestRam'
          ? rig.world.allocGuestRam(0x10000)
          : { bytes: new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer) };
      // Nothing but the device refers to these blocks from here on.
      for (let block = 0; block < 8; block++) device.mapGuestRam(make(), BigInt(block * 0x10000));
      for (let round = 0; round < 40; round++) make().bytes.fill(round);
      for (let round = 0; round < 5; round++) {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (let block = 0; block < 8; block++) {
        expect(rig.world.dmaWrite('dev', block * 0x10000 + 0xff00, [block + 1])).toBe(true);
        expect(rig.world.dmaRead('dev', block * 0x10000 + 0xff00, 1)).toEqual([block + 1]);
      }
      expect((rig.world as NativeWorld).played.counters().tornDma).toBe(0);
    },
  );

  test.each([
    ['all there is', 0n, 0xffffffffffffffffn],
    ['more than there is', 0x8000n, 0x100000n],
  ])('is let go when an unmap of %s has unmapped it', async (_, iova, length) => {
    rig.boot({ iommufd: true });
    const { kernel } = rig.world.host as NativeHost;
    const iommu = kernel.open('/dev/iommu', 0);
    const struct = (size: number, words: readonly number[], pairs: Record<number, bigint> = {}) => {
      const argument = new PlainIoctlArgument(size);
      argument.length = size;
      for (const [at, word] of words.entries()) argument.view.setUint32(4 * at, word, true);
      for (const [at, pair] of Object.entries(pairs)) {
        argument.view.setBigUint64(Number(at), pair, true);
      }
      return argument;
    };
    const alloc = struct(IOMMU_IOAS_ALLOC_SIZE, [IOMMU_IOAS_ALLOC_SIZE, 0]);
    expect(kernel.ioctl(iommu, IOMMU_IOAS_ALLOC, alloc)).toBe(0);
    const ioas = alloc.word(IOMMU_IOAS_ALLOC_OUT_ID);
    const address = kernel.addressOf(rig.world.allocGuestRam(0x20000));
    for (const [at, ram] of [
      [0x10000n, address],
      [0x40000n, address + 0x10000n],
    ] as const) {
      const map = struct(
        IOMMU_IOAS_MAP_SIZE,
        [IOMMU_IOAS_MAP_SIZE, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, ioas],
        { 16: ram, 24: 0x10000n, 32: at },
      );
      expect(kernel.ioctl(iommu, IOMMU_IOAS_MAP, map)).toBe(0);
    }
    expect(kernel.resources().dmaMappings).toBe(2);
    const unmap = struct(IOMMU_IOAS_UNMAP_SIZE, [IOMMU_IOAS_UNMAP_SIZE, ioas], {
      8: iova,
      16: length,
    });
    expect(kernel.ioctl(iommu, IOMMU_IOAS_UNMAP, unmap)).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(0);
    kernel.close(iommu);
  });
});
