import { describe, expect, it } from 'vitest';
import { EEXIST, EFAULT, EINVAL, ENOSPC, ENOTTY } from '../../assembly/abi/linux';
import {
  VFIO_DMA_AVAIL_COUNT,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_MAP_FLAGS,
  VFIO_DMA_MAP_IOVA_LO64,
  VFIO_DMA_MAP_SIZE,
  VFIO_DMA_MAP_SIZE_LO64,
  VFIO_DMA_MAP_VADDR_LO64,
  VFIO_DMA_UNMAP_FLAGS,
  VFIO_DMA_UNMAP_IOVA_LO64,
  VFIO_DMA_UNMAP_SIZE,
  VFIO_DMA_UNMAP_SIZE_LO64,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_INFO_CAP_NEXT,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAP_OFFSET,
  VFIO_IOMMU_INFO_FLAG_CAPS,
  VFIO_IOMMU_INFO_FLAG_PGSIZES,
  VFIO_IOMMU_INFO_FLAGS,
  VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64,
  VFIO_IOMMU_INFO_SIZE,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_IOVA_RANGE_NR_IOVAS,
  VFIO_IOVA_RANGE_RANGES,
  VFIO_NOIOMMU_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../assembly/abi/vfio';
import type { IoctlArgument } from '../../host/boundary/kernel';
import {
  bench,
  closeAll,
  integer,
  NOTHING_OPEN,
  openThroughGroup,
  struct,
  u32,
  u64,
} from './fixture';

const PAGE = 0x1000;
const IOVA = 0x2000_0000;
const READ = VFIO_DMA_MAP_FLAG_READ;
const WRITE = VFIO_DMA_MAP_FLAG_WRITE;
const UNMAP_ALL = 2;

interface MapFields {
  readonly iova?: bigint | number;
  readonly size?: bigint | number;
  readonly flags?: number;
  readonly vaddr?: bigint;
  readonly argsz?: number;
}

function setup(options: Parameters<typeof bench>[2] = {}, type = VFIO_TYPE1V2_IOMMU) {
  const it = bench({}, {}, options);
  const { kernel } = it;
  const fds = openThroughGroup(kernel, it.device, type);
  const ram = { bytes: new Uint8Array(16 * PAGE) };
  const address = kernel.addressOf(ram);
  const map = (fields: MapFields = {}) =>
    kernel.ioctl(
      fds.container,
      VFIO_IOMMU_MAP_DMA,
      struct(
        VFIO_DMA_MAP_SIZE,
        [
          [VFIO_DMA_MAP_FLAGS, fields.flags ?? READ | WRITE],
          [VFIO_DMA_MAP_VADDR_LO64, fields.vaddr ?? address],
          [VFIO_DMA_MAP_IOVA_LO64, BigInt(fields.iova ?? IOVA)],
          [VFIO_DMA_MAP_SIZE_LO64, BigInt(fields.size ?? 4 * PAGE)],
        ],
        fields.argsz,
      ),
    );
  /** Bytes unmapped or −errno. */
  const unmap = (iova: bigint | number, size: bigint | number, flags = 0, argsz?: number) => {
    const argument = struct(
      VFIO_DMA_UNMAP_SIZE,
      [
        [VFIO_DMA_UNMAP_FLAGS, flags],
        [VFIO_DMA_UNMAP_IOVA_LO64, BigInt(iova)],
        [VFIO_DMA_UNMAP_SIZE_LO64, BigInt(size)],
      ],
      argsz,
    );
    const result = kernel.ioctl(fds.container, VFIO_IOMMU_UNMAP_DMA, argument);
    return result < 0 ? result : Number(u64(argument, VFIO_DMA_UNMAP_SIZE_LO64));
  };
  const info = (length: number, argsz = length) => {
    const argument = struct(length, [], argsz);
    return { argument, result: kernel.ioctl(fds.container, VFIO_IOMMU_GET_INFO, argument) };
  };
  const dma = () => {
    const environment = it.model.environment;
    if (!environment) throw new Error('not connected');
    return environment.dma;
  };
  return { ...it, ...fds, ram, address, map, unmap, info, dma: dma() };
}

function capabilities(argument: IoctlArgument): Map<number, number> {
  const found = new Map<number, number>();
  let at = u32(argument, VFIO_IOMMU_INFO_CAP_OFFSET);
  for (; at !== 0; at = u32(argument, at + VFIO_INFO_CAP_NEXT)) {
    found.set(u32(argument, at) & 0xffff, at);
  }
  return found;
}

describe('MAP_DMA', () => {
  it('maps guest memory for the device', () => {
    const { map, kernel } = setup();
    expect(map()).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(1);
  });

  it('wants whole pages of 1 byte or more', () => {
    const { map, address } = setup();
    expect(map({ size: 0 })).toBe(-EINVAL);
    expect(map({ size: PAGE + 1 })).toBe(-EINVAL);
    expect(map({ iova: IOVA + 1 })).toBe(-EINVAL);
    expect(map({ vaddr: address + 1n })).toBe(-EINVAL);
  });

  it('wants the pages of the IOMMU, not those of the CPU', () => {
    const { map } = setup({ iommuPageSizes: 0x10000n });
    expect(map({ size: PAGE })).toBe(-EINVAL);
    expect(map({ size: 0x10000 })).toBe(0);
  });

  it('refuses ranges that wrap', () => {
    const { map } = setup();
    const top = (1n << 64n) - BigInt(PAGE);
    expect(map({ iova: top, size: 2 * PAGE })).toBe(-EINVAL);
    expect(map({ vaddr: top, size: 2 * PAGE })).toBe(-EINVAL);
  });

  it('wants at least one permission and no unknown flags', () => {
    const { map } = setup();
    expect(map({ flags: 0 })).toBe(-EINVAL);
    expect(map({ flags: READ | 8 })).toBe(-EINVAL);
  });

  it('checks argsz and the struct', () => {
    const { map, kernel, container } = setup();
    expect(map({ argsz: 31 })).toBe(-EINVAL);
    expect(map({ argsz: 64 })).toBe(0);
    expect(kernel.ioctl(container, VFIO_IOMMU_MAP_DMA, struct(24))).toBe(-EFAULT);
  });

  it('refuses any overlap with EEXIST and keeps what was there', () => {
    const { map, kernel } = setup();
    map({ iova: IOVA + PAGE, size: 2 * PAGE });
    expect(map({ iova: IOVA + PAGE, size: 2 * PAGE })).toBe(-EEXIST);
    expect(map({ iova: IOVA, size: 2 * PAGE })).toBe(-EEXIST);
    expect(map({ iova: IOVA + 2 * PAGE, size: PAGE })).toBe(-EEXIST);
    expect(map({ iova: IOVA, size: 8 * PAGE })).toBe(-EEXIST);
    expect(map({ iova: IOVA, size: PAGE })).toBe(0);
    expect(map({ iova: IOVA + 3 * PAGE, size: PAGE })).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(3);
  });

  it('refuses addresses that the IOMMU cannot map', () => {
    const { map } = setup();
    expect(map({ iova: 0x8000000 })).toBe(-EINVAL);
    expect(map({ iova: 0x7fff000, size: 2 * PAGE })).toBe(-EINVAL);
    expect(map({ iova: 1n << 48n })).toBe(-EINVAL);
    expect(map({ iova: 0x7fff000, size: PAGE })).toBe(0);
  });

  it('faults on memory that is not there or not all there', () => {
    const { map, address } = setup();
    expect(map({ vaddr: 0x1000n })).toBe(-EFAULT);
    expect(map({ vaddr: address + BigInt(14 * PAGE) })).toBe(-EFAULT);
  });

  it('answers ENOSPC when the container holds as many as it may', () => {
    const { map, unmap } = setup({ dmaEntryLimit: 2 });
    map({ iova: IOVA, size: PAGE });
    map({ iova: IOVA + PAGE, size: PAGE });
    expect(map({ iova: IOVA + 2 * PAGE, size: PAGE })).toBe(-ENOSPC);
    unmap(IOVA, PAGE);
    expect(map({ iova: IOVA + 2 * PAGE, size: PAGE })).toBe(0);
  });
});

describe('UNMAP_DMA', () => {
  it('tells how much it unmapped', () => {
    const { map, unmap, kernel } = setup();
    map({ iova: IOVA, size: 2 * PAGE });
    map({ iova: IOVA + 4 * PAGE, size: PAGE });
    expect(unmap(IOVA, 8 * PAGE)).toBe(3 * PAGE);
    expect(unmap(IOVA, 8 * PAGE)).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(0);
  });

  it('does not split a mapping, at either end', () => {
    const { map, unmap, kernel } = setup();
    map({ size: 4 * PAGE });
    expect(unmap(IOVA + PAGE, 3 * PAGE)).toBe(-EINVAL);
    expect(unmap(IOVA, 3 * PAGE)).toBe(-EINVAL);
    expect(unmap(IOVA + PAGE, PAGE)).toBe(-EINVAL);
    expect(unmap(IOVA - PAGE, 2 * PAGE)).toBe(-EINVAL);
    expect(kernel.resources().dmaMappings).toBe(1);
    expect(unmap(IOVA, 4 * PAGE)).toBe(4 * PAGE);
  });

  it('takes the whole mapping away by its first page in version 1', () => {
    const { map, unmap } = setup({}, VFIO_TYPE1_IOMMU);
    map({ size: 4 * PAGE });
    expect(unmap(IOVA + PAGE, PAGE)).toBe(0);
    expect(unmap(IOVA, PAGE)).toBe(4 * PAGE);
  });

  it('wants whole pages, no wrap, and the struct', () => {
    const { unmap, kernel, container } = setup();
    expect(unmap(IOVA, 0)).toBe(-EINVAL);
    expect(unmap(IOVA + 1, PAGE)).toBe(-EINVAL);
    expect(unmap(IOVA, PAGE - 1)).toBe(-EINVAL);
    expect(unmap((1n << 64n) - BigInt(PAGE), 2 * PAGE)).toBe(-EINVAL);
    expect(unmap((1n << 64n) - BigInt(PAGE), PAGE)).toBe(0);
    expect(unmap(IOVA, PAGE, 0, 20)).toBe(-EINVAL);
    expect(unmap(IOVA, PAGE, 1)).toBe(-EINVAL);
    expect(kernel.ioctl(container, VFIO_IOMMU_UNMAP_DMA, struct(16))).toBe(-EFAULT);
  });

  it('unmaps everything on request, and wants no range then', () => {
    const { map, unmap } = setup();
    map({ iova: 0, size: PAGE });
    map({ iova: IOVA, size: PAGE });
    expect(unmap(0, PAGE, UNMAP_ALL)).toBe(-EINVAL);
    expect(unmap(0, 0, UNMAP_ALL)).toBe(2 * PAGE);
  });
});

describe('IOMMU_GET_INFO', () => {
  it('asks for room, then tells page sizes, ranges and free mappings', () => {
    const { map, info } = setup();
    map();
    const first = info(VFIO_IOMMU_INFO_SIZE);
    const needed = u32(first.argument, 0);
    expect(first.result).toBe(0);
    expect(needed).toBeGreaterThan(VFIO_IOMMU_INFO_SIZE);
    expect(u32(first.argument, VFIO_IOMMU_INFO_CAP_OFFSET)).toBe(0);
    const { argument } = info(needed);
    expect(u32(argument, 0)).toBe(needed);
    expect(u32(argument, VFIO_IOMMU_INFO_FLAGS)).toBe(
      VFIO_IOMMU_INFO_FLAG_PGSIZES | VFIO_IOMMU_INFO_FLAG_CAPS,
    );
    expect(u64(argument, VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64)).toBe(0x40201000n);
    const found = capabilities(argument);
    expect([...found.keys()]).toEqual([
      2,
      VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
      VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
    ]);
    const available = found.get(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) as number;
    expect(u32(argument, available + VFIO_DMA_AVAIL_COUNT)).toBe(65534);
    const ranges = found.get(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) as number;
    expect(u32(argument, ranges + VFIO_IOVA_RANGE_NR_IOVAS)).toBe(2);
    const bounds = [0, 8, 16, 24].map((i) => u64(argument, ranges + VFIO_IOVA_RANGE_RANGES + i));
    expect(bounds).toEqual([0n, 0x7ffffffn, 0x8100000n, 0xffffffffffffn]);
  });

  it('accepts the struct of old programs, which ends before the capabilities', () => {
    const { info } = setup();
    expect(info(16).result).toBe(0);
    expect(info(16, 15).result).toBe(-EINVAL);
    expect(info(12, 16).result).toBe(-EFAULT);
    expect(info(16, 24).result).toBe(-EFAULT);
    expect(info(24, 4096).result).toBe(-EFAULT);
  });
});

describe('DMA', () => {
  it('moves data both ways, across neighbouring mappings', () => {
    const { map, dma, ram, address, device } = setup();
    map({ iova: IOVA, size: PAGE });
    map({ iova: IOVA + PAGE, size: PAGE, vaddr: address + BigInt(8 * PAGE) });
    expect(dma.write(IOVA + PAGE - 2, Uint8Array.of(1, 2, 3, 4))).toBe(true);
    expect([...ram.bytes.subarray(PAGE - 2, PAGE + 1)]).toEqual([1, 2, 0]);
    expect([...ram.bytes.subarray(8 * PAGE, 8 * PAGE + 3)]).toEqual([3, 4, 0]);
    const into = new Uint8Array(4);
    expect(dma.read(IOVA + PAGE - 2, into)).toBe(true);
    expect([...into]).toEqual([1, 2, 3, 4]);
    expect(device.dmaFaults).toEqual([]);
  });

  it('copies nothing when any byte faults', () => {
    const { map, dma, ram, device } = setup();
    map({ size: PAGE });
    expect(dma.write(IOVA + PAGE - 2, Uint8Array.of(1, 2, 3, 4))).toBe(false);
    expect(ram.bytes.every((byte) => byte === 0)).toBe(true);
    expect(device.dmaFaults).toEqual([
      { iova: IOVA + PAGE - 2, length: 4, direction: 'write', reason: 'unmapped' },
    ]);
  });

  it('respects the permissions', () => {
    const { map, dma, device } = setup();
    map({ iova: IOVA, size: PAGE, flags: READ });
    map({ iova: IOVA + PAGE, size: PAGE, flags: WRITE });
    const bytes = new Uint8Array(1);
    expect([dma.read(IOVA, bytes), dma.write(IOVA, bytes)]).toEqual([true, false]);
    expect([dma.read(IOVA + PAGE, bytes), dma.write(IOVA + PAGE, bytes)]).toEqual([false, true]);
    expect(device.dmaFaults.map(({ reason }) => reason)).toEqual(['permission', 'permission']);
  });

  it('faults on addresses that are none', () => {
    const { dma } = setup();
    for (const iova of [-1, 0.5, Number.NaN, 2 ** 60]) {
      expect(dma.read(iova, new Uint8Array(1))).toBe(false);
    }
  });

  it('is stopped after UNMAP_DMA', () => {
    const { map, unmap, dma } = setup();
    map();
    unmap(IOVA, 4 * PAGE);
    expect(dma.write(IOVA, Uint8Array.of(1))).toBe(false);
  });

  it('is stopped when the container goes, also by UNSET_CONTAINER', () => {
    const { kernel, map, dma, device, container, group, fd } = setup();
    map();
    kernel.close(fd);
    expect(dma.read(IOVA, new Uint8Array(1))).toBe(true);
    expect(kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, integer(0))).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(0);
    expect(dma.read(IOVA, new Uint8Array(1))).toBe(false);
    expect(device.dmaFaults.at(-1)?.reason).toBe('no-address-space');
    closeAll(kernel, group, container);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('does not exist without an IOMMU', () => {
    const { kernel, device, model } = bench({}, { noiommu: true }, { unsafeNoiommu: true });
    openThroughGroup(kernel, device, VFIO_NOIOMMU_IOMMU);
    expect(model.environment?.dma.read(0, new Uint8Array(1))).toBe(false);
    expect(device.dmaFaults[0]?.reason).toBe('no-address-space');
  });

  it('notices that the memory behind a mapping was detached', () => {
    const { map, dma, device, ram } = setup();
    map();
    structuredClone(ram.bytes.buffer, { transfer: [ram.bytes.buffer] });
    expect(dma.write(IOVA, Uint8Array.of(1))).toBe(false);
    expect(device.dmaFaults.at(-1)?.reason).toBe('backing-gone');
    expect(map({ iova: IOVA + 4 * PAGE })).toBe(-EFAULT);
  });

  it('notices that the memory behind a mapping was shrunk', () => {
    const { kernel, map, dma, device } = setup();
    const Resizable = ArrayBuffer as unknown as new (
      size: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(size: number): void };
    const buffer = new Resizable(4 * PAGE, { maxByteLength: 8 * PAGE });
    const vaddr = kernel.addressOf({ bytes: new Uint8Array(buffer) });
    map({ vaddr });
    buffer.resize(2 * PAGE);
    expect(dma.read(IOVA + PAGE, new Uint8Array(16))).toBe(true);
    expect(dma.read(IOVA + 2 * PAGE - 8, new Uint8Array(16))).toBe(false);
    expect(device.dmaFaults.at(-1)?.reason).toBe('backing-gone');
  });

  it('keeps the last 1024 faults', () => {
    const { dma, device } = setup();
    for (let i = 0; i < 1030; i++) dma.read(i, new Uint8Array(1));
    expect(device.dmaFaults).toHaveLength(1024);
    expect(device.dmaFaults[0]?.iova).toBe(6);
  });
});

describe('addressOf', () => {
  it('gives each buffer a page-aligned address once and for all', () => {
    const { kernel, ram, address } = setup();
    expect(address % BigInt(PAGE)).toBe(0n);
    expect(kernel.addressOf(ram)).toBe(address);
    expect(kernel.addressOf({ bytes: ram.bytes.subarray(5) })).toBe(address + 5n);
    expect(kernel.addressOf({ bytes: new Uint8Array(1) })).not.toBe(address);
  });

  it('can be told where a buffer lies', () => {
    const { kernel, map } = setup();
    const bytes = new Uint8Array(2 * PAGE);
    kernel.placeBuffer(bytes.buffer, 0x5550_0000_0010n);
    expect(kernel.addressOf({ bytes })).toBe(0x5550_0000_0010n);
    expect(map({ vaddr: 0x5550_0000_0010n, size: PAGE })).toBe(-EINVAL);
    expect(map({ vaddr: 0x5550_0000_1000n, size: PAGE })).toBe(0);
  });
});

describe('a type 1 driver', () => {
  it('knows no other requests', () => {
    const { kernel, container } = setup();
    expect(kernel.ioctl(container, 0x3b73, struct(64))).toBe(-ENOTTY);
  });
});
