import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSPC, ENOTTY } from '../../../assembly/abi/linux';
import {
  VFIO_CHECK_EXTENSION,
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
  VFIO_IOVA_RANGE_SIZE,
  VFIO_NOIOMMU_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument } from '../../boundary/kernel';
import { AddressSpace, type DmaMapping } from './address-space';
import { CapabilityChain } from './capabilities';
import type { KernelContext } from './context';
import {
  VFIO_DMA_MAP_FLAG_VADDR,
  VFIO_DMA_UNMAP_FLAG_ALL,
  VFIO_DMA_UNMAP_FLAG_VADDR,
  VFIO_IOMMU_INFO_MIN,
  VFIO_IOMMU_INFO_WITH_CAPS,
  VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
  VFIO_MIGRATION_CAP_SIZE,
  VFIO_TYPE1_NESTING_IOMMU,
  VFIO_UNMAP_ALL,
  VFIO_UPDATE_VADDR,
} from './numbers';
import { getU32, getU64, hasBytes, setU32, setU64 } from './user-struct';

const END_OF_ADDRESSES = 1n << 64n;

/** What stands behind a container once an IOMMU type is set. */
export interface IommuDriver {
  /** I/O mappings, when the driver has any. */
  readonly space: AddressSpace | undefined;
  ioctl(request: number, argument: IoctlArgument): number;
  release(): void;
}

const TYPE1_CLAIMS: readonly number[] = [
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
  VFIO_TYPE1_NESTING_IOMMU,
  VFIO_UNMAP_ALL,
];

/** Whether the type-1 driver claims an extension, as long as it serves nobody. */
export function type1Claims(extension: number): number {
  return TYPE1_CLAIMS.includes(extension) ? 1 : 0;
}

/** VFIO_NOIOMMU_IOMMU: knows its own type and nothing else. */
export class NoiommuDriver implements IommuDriver {
  readonly space = undefined;

  ioctl(request: number, argument: IoctlArgument): number {
    if (request !== VFIO_CHECK_EXTENSION) return -ENOTTY;
    return argument.value === VFIO_NOIOMMU_IOMMU ? 1 : 0;
  }

  release(): void {}
}

/** The type-1 driver (drivers/vfio/vfio_iommu_type1.c), versions 1 and 2. */
export class Type1Driver implements IommuDriver {
  readonly space: AddressSpace;
  readonly #context: KernelContext;
  readonly #v2: boolean;

  constructor(context: KernelContext, v2: boolean) {
    this.#context = context;
    this.#v2 = v2;
    this.space = new AddressSpace(context.counters);
  }

  ioctl(request: number, argument: IoctlArgument): number {
    switch (request) {
      case VFIO_CHECK_EXTENSION:
        return argument.value === VFIO_UPDATE_VADDR ? 1 : type1Claims(argument.value);
      case VFIO_IOMMU_GET_INFO:
        return this.#getInfo(argument);
      case VFIO_IOMMU_MAP_DMA:
        return this.#map(argument);
      case VFIO_IOMMU_UNMAP_DMA:
        return this.#unmap(argument);
      default:
        return -ENOTTY;
    }
  }

  release(): void {
    this.space.clear();
  }

  get #available(): number {
    return this.#context.options.dmaEntryLimit - this.space.mappings.length;
  }

  get #pageMask(): bigint {
    const sizes = this.#context.options.iommuPageSizes;
    return (sizes & -sizes) - 1n;
  }

  #getInfo(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_IOMMU_INFO_MIN)) return -EFAULT;
    const { bytes } = argument;
    const argsz = getU32(bytes, 0);
    if (argsz < VFIO_IOMMU_INFO_MIN) return -EINVAL;
    const { iommuPageSizes } = this.#context.options;
    const chain = this.#capabilities(iommuPageSizes);
    const needed = VFIO_IOMMU_INFO_SIZE + chain.size;
    const fits = argsz >= needed;
    if (fits && !hasBytes(argument, needed)) return -EFAULT;
    if (argsz >= VFIO_IOMMU_INFO_WITH_CAPS) {
      if (!hasBytes(argument, VFIO_IOMMU_INFO_WITH_CAPS)) return -EFAULT;
      setU32(bytes, VFIO_IOMMU_INFO_CAP_OFFSET, fits ? VFIO_IOMMU_INFO_SIZE : 0);
    }
    if (fits) chain.write(bytes, VFIO_IOMMU_INFO_SIZE);
    else setU32(bytes, 0, needed);
    setU32(bytes, VFIO_IOMMU_INFO_FLAGS, VFIO_IOMMU_INFO_FLAG_PGSIZES | VFIO_IOMMU_INFO_FLAG_CAPS);
    setU64(bytes, VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64, iommuPageSizes);
    return 0;
  }

  /** In the order in which Linux 6.12 lists them. */
  #capabilities(pageSizes: bigint): CapabilityChain {
    const ranges = this.#context.options.iovaRanges;
    return new CapabilityChain()
      .add(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1, VFIO_MIGRATION_CAP_SIZE, (bytes, at) => {
        setU64(bytes, at + 16, pageSizes & -pageSizes);
        setU64(bytes, at + 24, 1n << 28n);
      })
      .add(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, VFIO_DMA_AVAIL_COUNT + 4, (bytes, at) =>
        setU32(bytes, at + VFIO_DMA_AVAIL_COUNT, this.#available),
      )
      .add(
        VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
        1,
        VFIO_IOVA_RANGE_RANGES + ranges.length * VFIO_IOVA_RANGE_SIZE,
        (bytes, at) => {
          setU32(bytes, at + VFIO_IOVA_RANGE_NR_IOVAS, ranges.length);
          ranges.forEach(({ first, last }, index) => {
            const range = at + VFIO_IOVA_RANGE_RANGES + index * VFIO_IOVA_RANGE_SIZE;
            setU64(bytes, range, first);
            setU64(bytes, range + 8, last);
          });
        },
      );
  }

  #map(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_DMA_MAP_SIZE)) return -EFAULT;
    const { bytes } = argument;
    const flags = getU32(bytes, VFIO_DMA_MAP_FLAGS);
    const permissions = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    const again = flags === VFIO_DMA_MAP_FLAG_VADDR;
    if (getU32(bytes, 0) < VFIO_DMA_MAP_SIZE || flags === 0) return -EINVAL;
    if (!again && (flags & ~permissions) !== 0) return -EINVAL;
    const address = getU64(bytes, VFIO_DMA_MAP_VADDR_LO64);
    const iova = getU64(bytes, VFIO_DMA_MAP_IOVA_LO64);
    const size = getU64(bytes, VFIO_DMA_MAP_SIZE_LO64);
    if (size === 0n || ((size | iova | address) & this.#pageMask) !== 0n) return -EINVAL;
    if (iova + size > END_OF_ADDRESSES || address + size > END_OF_ADDRESSES) return -EINVAL;
    const last = iova + size - 1n;
    const present = this.#find(iova, size);
    if (again) return renew(present, iova, size);
    if (present !== undefined) return -EEXIST;
    if (this.#available <= 0) return -ENOSPC;
    const inRange = this.#context.options.iovaRanges.some(
      (range) => range.first <= iova && last <= range.last,
    );
    if (!inRange) return -EINVAL;
    const place = this.#context.memory.resolve(address, size);
    if (place === undefined) return -EFAULT;
    this.space.insert({
      iova,
      size,
      readable: (flags & VFIO_DMA_MAP_FLAG_READ) !== 0,
      writable: (flags & VFIO_DMA_MAP_FLAG_WRITE) !== 0,
      address,
      ...place,
    });
    return 0;
  }

  #unmap(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_DMA_UNMAP_SIZE)) return -EFAULT;
    const { bytes } = argument;
    const flags = getU32(bytes, VFIO_DMA_UNMAP_FLAGS);
    const known = VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
    if (getU32(bytes, 0) < VFIO_DMA_UNMAP_SIZE || (flags & ~known) !== 0) return -EINVAL;
    const iova = getU64(bytes, VFIO_DMA_UNMAP_IOVA_LO64);
    const size = getU64(bytes, VFIO_DMA_UNMAP_SIZE_LO64);
    const all = (flags & VFIO_DMA_UNMAP_FLAG_ALL) !== 0;
    if (all) {
      if (iova !== 0n || size !== 0n) return -EINVAL;
    } else {
      if (size === 0n || ((iova | size) & this.#pageMask) !== 0n) return -EINVAL;
      if (iova + size > END_OF_ADDRESSES) return -EINVAL;
      const last = iova + size - 1n;
      if (this.#v2 && (this.#splits(iova, iova) || this.#splits(last, last + 1n))) return -EINVAL;
    }
    const found = all ? [...this.space.mappings] : this.#within(iova, size);
    if ((flags & VFIO_DMA_UNMAP_FLAG_VADDR) !== 0) {
      if (found.some(({ addressStale }) => addressStale)) return -EINVAL;
      for (const mapping of found) mapping.addressStale = true;
    } else {
      for (const mapping of found) this.space.remove(mapping);
    }
    const unmapped = found.reduce((sum, mapping) => sum + mapping.size, 0n);
    setU64(bytes, VFIO_DMA_UNMAP_SIZE_LO64, unmapped);
    return 0;
  }

  /**
   * A mapping in the range. Linux computes the end in 64 bits: a range that
   * ends with the address space has none.
   */
  #find(iova: bigint, size: bigint): DmaMapping | undefined {
    if (iova + size === END_OF_ADDRESSES) return undefined;
    return this.space.overlapping(iova, iova + size - 1n);
  }

  /** Whether the mapping that holds `byte` has a part on either side of the cut before `cut`. */
  #splits(byte: bigint, cut: bigint): boolean {
    const mapping = this.space.overlapping(byte, byte);
    return mapping !== undefined && mapping.iova < cut && cut < mapping.iova + mapping.size;
  }

  /** What UNMAP takes: version 1 takes whole mappings, but none that begins before the range. */
  #within(iova: bigint, size: bigint): DmaMapping[] {
    const found: DmaMapping[] = [];
    for (let at = iova; at < iova + size; ) {
      const mapping = this.#find(at, iova + size - at);
      if (mapping === undefined || mapping.iova < iova) break;
      found.push(mapping);
      at = mapping.iova + mapping.size;
    }
    return found;
  }
}

/** MAP_DMA with VFIO_DMA_MAP_FLAG_VADDR: the memory of a mapping is at another address now, and the same. */
function renew(mapping: DmaMapping | undefined, iova: bigint, size: bigint): number {
  if (mapping === undefined) return -ENOENT;
  if (!mapping.addressStale || mapping.iova !== iova || mapping.size !== size) return -EINVAL;
  mapping.addressStale = false;
  return 0;
}
