import {
  IOMMU_DESTROY,
  IOMMU_DESTROY_ID,
  IOMMU_DESTROY_SIZE,
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_ALLOC_DEV_ID,
  IOMMU_HWPT_ALLOC_FLAGS,
  IOMMU_HWPT_ALLOC_OUT_ID,
  IOMMU_HWPT_ALLOC_PT_ID,
  IOMMU_HWPT_ALLOC_SIZE,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOC_FLAGS,
  IOMMU_IOAS_ALLOC_OUT_ID,
  IOMMU_IOAS_ALLOC_SIZE,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_FLAGS,
  IOMMU_IOAS_MAP_IOAS_ID,
  IOMMU_IOAS_MAP_IOVA_LO64,
  IOMMU_IOAS_MAP_LENGTH_LO64,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_SIZE,
  IOMMU_IOAS_MAP_USER_VA_LO64,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  IOMMU_IOAS_UNMAP_IOAS_ID,
  IOMMU_IOAS_UNMAP_IOVA_LO64,
  IOMMU_IOAS_UNMAP_LENGTH_LO64,
  IOMMU_IOAS_UNMAP_SIZE,
  IOMMU_IOVA_RANGE_SIZE,
  IOMMU_IOVA_RANGES_ALLOWED_LO64,
  IOMMU_IOVA_RANGES_IOAS_ID,
  IOMMU_IOVA_RANGES_NUM_IOVAS,
  IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64,
  IOMMU_IOVA_RANGES_SIZE,
} from '../../../assembly/abi/iommufd';
import {
  E2BIG,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ENOSPC,
  ENOTTY,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  PAGE_SIZE,
} from '../../../assembly/abi/linux';
import type { IoctlArgument } from '../../boundary/kernel';
import { AddressSpace, type IovaRange } from './address-space';
import type { KernelContext } from './context';
import type { SimulatedDevice } from './device';
import type { VfioGroup } from './group';
import {
  EADDRINUSE,
  IOMMU_HWPT_ALLOC_DATA_LEN,
  IOMMU_HWPT_ALLOC_MIN,
  IOMMU_HWPT_ALLOC_RESERVED,
  IOMMU_IOAS_MAP_RESERVED,
  IOMMU_IOVA_RANGES_RESERVED,
} from './numbers';
import { OpenFile } from './open-file';
import { getU32, getU64, hasBytes, setU32, setU64 } from './user-struct';

const ULONG_MAX = (1n << 64n) - 1n;
const PAGE = BigInt(PAGE_SIZE);
const WHOLE_SPACE: readonly IovaRange[] = [{ first: 0n, last: ULONG_MAX }];

/** Sizes of the structs that the kernel knows: below the first EINVAL, above the second only zeros. */
const STRUCT_SIZES = new Map<number, readonly [min: number, known: number]>([
  [IOMMU_DESTROY, [IOMMU_DESTROY_SIZE, IOMMU_DESTROY_SIZE]],
  [IOMMU_IOAS_ALLOC, [IOMMU_IOAS_ALLOC_SIZE, IOMMU_IOAS_ALLOC_SIZE]],
  [IOMMU_IOAS_IOVA_RANGES, [IOMMU_IOVA_RANGES_SIZE, IOMMU_IOVA_RANGES_SIZE]],
  [IOMMU_IOAS_MAP, [IOMMU_IOAS_MAP_SIZE, IOMMU_IOAS_MAP_SIZE]],
  [IOMMU_IOAS_UNMAP, [IOMMU_IOAS_UNMAP_SIZE, IOMMU_IOAS_UNMAP_SIZE]],
  [IOMMU_HWPT_ALLOC, [IOMMU_HWPT_ALLOC_MIN, IOMMU_HWPT_ALLOC_SIZE]],
]);

/** An I/O address space of an iommufd. */
class Ioas {
  readonly space: AddressSpace;
  /** Page tables made from it. */
  hwpts = 0;
  /** Devices that are attached to one of those. */
  attached = 0;

  constructor(space: AddressSpace) {
    this.space = space;
  }
}

/** An I/O page table of an IOAS. */
class Hwpt {
  readonly ioas: Ioas;
  /** Made by attaching a device to the IOAS itself; it goes with its last device. */
  readonly automatic: boolean;
  users = 0;

  constructor(ioas: Ioas, automatic: boolean) {
    this.ioas = ioas;
    this.automatic = automatic;
    ioas.hwpts++;
  }
}

/** A device that is bound to an iommufd. */
export class DeviceBinding {
  readonly #file: IommufdFile;
  readonly #device: SimulatedDevice;
  readonly #group: VfioGroup;
  readonly id: number;
  #hwpt: { readonly id: number; readonly object: Hwpt } | undefined;

  constructor(file: IommufdFile, device: SimulatedDevice, group: VfioGroup) {
    this.#file = file;
    this.#device = device;
    this.#group = group;
    this.id = file.objects.add(this);
    file.acquire();
  }

  /** VFIO_DEVICE_ATTACH_IOMMUFD_PT; replaces an attachment. @returns the id of the page table or −errno */
  attach(id: number): number {
    const target = this.#file.pageTable(id);
    if (typeof target === 'number') return target;
    const { ioas } = target.object;
    const failure = this.#file.checkAttachable(ioas);
    if (failure < 0) {
      this.#file.collect(target.id, target.object);
      return failure;
    }
    // Held first: the page table may be the one that is let go.
    target.object.users++;
    ioas.attached++;
    this.detach();
    this.#hwpt = target;
    this.#device.attachedSpace = ioas.space;
    return target.id;
  }

  /** Nothing happens when it is not attached, as in Linux. */
  detach(): void {
    const hwpt = this.#hwpt;
    if (hwpt === undefined) return;
    this.#hwpt = undefined;
    this.#device.attachedSpace = undefined;
    hwpt.object.users--;
    hwpt.object.ioas.attached--;
    this.#file.collect(hwpt.id, hwpt.object);
  }

  unbind(): void {
    this.detach();
    this.#file.objects.remove(this.id);
    this.#group.releaseDma();
    this.#file.put();
  }
}

type IommufdObject = Ioas | Hwpt | DeviceBinding;

/** Object ids of one iommufd: from 1 up, the lowest free one first. */
class Objects {
  readonly #byId = new Map<number, IommufdObject>();

  add(object: IommufdObject): number {
    let id = 1;
    while (this.#byId.has(id)) id++;
    this.#byId.set(id, object);
    return id;
  }

  get(id: number): IommufdObject | undefined {
    return this.#byId.get(id);
  }

  remove(id: number): void {
    this.#byId.delete(id);
  }

  entries(): IterableIterator<[id: number, object: IommufdObject]> {
    return this.#byId.entries();
  }
}

/** An open /dev/iommu. Bound devices hold it open. */
export class IommufdFile extends OpenFile {
  readonly objects = new Objects();
  readonly #context: KernelContext;

  constructor(context: KernelContext) {
    super();
    this.#context = context;
  }

  override ioctl(request: number, argument: IoctlArgument): number {
    const sizes = STRUCT_SIZES.get(request);
    if (sizes === undefined) return -ENOTTY;
    if (!hasBytes(argument, 4)) return -EFAULT;
    const size = getU32(argument.bytes, 0);
    if (size < sizes[0]) return -EINVAL;
    if (!hasBytes(argument, size)) return -EFAULT;
    for (let i = sizes[1]; i < size; i++) if (argument.bytes[i] !== 0) return -E2BIG;
    switch (request) {
      case IOMMU_DESTROY:
        return this.#destroy(getU32(argument.bytes, IOMMU_DESTROY_ID));
      case IOMMU_IOAS_ALLOC:
        return this.#allocateIoas(argument.bytes);
      case IOMMU_IOAS_IOVA_RANGES:
        return this.#iovaRanges(argument);
      case IOMMU_IOAS_MAP:
        return this.#map(argument.bytes);
      case IOMMU_IOAS_UNMAP:
        return this.#unmap(argument.bytes);
      default:
        return this.#allocateHwpt(argument.bytes, size);
    }
  }

  /** VFIO_DEVICE_BIND_IOMMUFD. @returns the binding, or −EPERM when somebody else owns the group's DMA */
  bind(device: SimulatedDevice, group: VfioGroup): DeviceBinding | number {
    if (!this.#context.options.unsafeInterrupts) return -EPERM;
    if (!group.claimDma(this)) return -EPERM;
    return new DeviceBinding(this, device, group);
  }

  /** What a device attaches to: a page table, or an IOAS that gets one. */
  pageTable(id: number): { id: number; object: Hwpt } | number {
    const object = this.objects.get(id);
    if (object instanceof Hwpt) return { id, object };
    if (!(object instanceof Ioas)) return object === undefined ? -ENOENT : -EINVAL;
    for (const [other, shared] of this.objects.entries()) {
      if (shared instanceof Hwpt && shared.automatic && shared.ioas === object) {
        return { id: other, object: shared };
      }
    }
    const hwpt = new Hwpt(object, true);
    return { id: this.objects.add(hwpt), object: hwpt };
  }

  /** Lets an automatic page table without devices go. */
  collect(id: number, hwpt: Hwpt): void {
    if (!hwpt.automatic || hwpt.users > 0) return;
    hwpt.ioas.hwpts--;
    this.objects.remove(id);
  }

  /** Mappings made before the first attachment may be where the IOMMU cannot map. */
  checkAttachable(ioas: Ioas): number {
    const mask = PAGE - 1n;
    const { iovaRanges } = this.#context.options;
    for (const { iova, size, address } of ioas.space.mappings) {
      if (((iova | size | address) & mask) !== 0n) return -EADDRINUSE;
      if (!inRanges(iovaRanges, iova, iova + size - 1n)) return -EADDRINUSE;
    }
    return 0;
  }

  protected release(): void {
    for (const [, object] of this.objects.entries()) {
      if (object instanceof Ioas) object.space.clear();
    }
  }

  #ioas(id: number): Ioas | undefined {
    const object = this.objects.get(id);
    return object instanceof Ioas ? object : undefined;
  }

  #rangesOf(ioas: Ioas): readonly IovaRange[] {
    return ioas.attached > 0 ? this.#context.options.iovaRanges : WHOLE_SPACE;
  }

  #destroy(id: number): number {
    const object = this.objects.get(id);
    if (object === undefined) return -ENOENT;
    if (object instanceof DeviceBinding) return -EBUSY;
    if (object instanceof Hwpt) {
      if (object.users > 0 || object.automatic) return -EBUSY;
      object.ioas.hwpts--;
    } else {
      if (object.hwpts > 0) return -EBUSY;
      object.space.clear();
    }
    this.objects.remove(id);
    return 0;
  }

  #allocateIoas(bytes: Uint8Array): number {
    if (getU32(bytes, IOMMU_IOAS_ALLOC_FLAGS) !== 0) return -EOPNOTSUPP;
    const id = this.objects.add(new Ioas(new AddressSpace(this.#context.counters)));
    setU32(bytes, IOMMU_IOAS_ALLOC_OUT_ID, id);
    return 0;
  }

  #allocateHwpt(bytes: Uint8Array, size: number): number {
    const reserved = getU32(bytes, IOMMU_HWPT_ALLOC_RESERVED);
    if (getU32(bytes, IOMMU_HWPT_ALLOC_FLAGS) !== 0 || reserved !== 0) return -EOPNOTSUPP;
    const hasData = size >= IOMMU_HWPT_ALLOC_DATA_LEN + 4;
    if (hasData && getU32(bytes, IOMMU_HWPT_ALLOC_DATA_LEN) !== 0) return -EINVAL;
    const device = this.objects.get(getU32(bytes, IOMMU_HWPT_ALLOC_DEV_ID));
    if (!(device instanceof DeviceBinding)) return -ENOENT;
    const parent = this.objects.get(getU32(bytes, IOMMU_HWPT_ALLOC_PT_ID));
    if (!(parent instanceof Ioas)) return -EINVAL;
    setU32(bytes, IOMMU_HWPT_ALLOC_OUT_ID, this.objects.add(new Hwpt(parent, false)));
    return 0;
  }

  /**
   * `allowed_iovas` is a user address; a value inside the struct's own buffer
   * counts from the start of the struct, as the core lays it out.
   */
  #iovaRanges(argument: IoctlArgument): number {
    const { bytes } = argument;
    if (getU32(bytes, IOMMU_IOVA_RANGES_RESERVED) !== 0) return -EOPNOTSUPP;
    const ioas = this.#ioas(getU32(bytes, IOMMU_IOVA_RANGES_IOAS_ID));
    if (ioas === undefined) return -ENOENT;
    const room = getU32(bytes, IOMMU_IOVA_RANGES_NUM_IOVAS);
    const ranges = this.#rangesOf(ioas);
    const written = Math.min(room, ranges.length);
    const address = getU64(bytes, IOMMU_IOVA_RANGES_ALLOWED_LO64);
    const length = written * IOMMU_IOVA_RANGE_SIZE;
    if (written > 0) {
      const to = this.#userBytes(argument, address, length);
      if (to === undefined) return -EFAULT;
      for (let i = 0; i < written; i++) {
        const { first, last } = ranges[i] as IovaRange;
        setU64(to, i * IOMMU_IOVA_RANGE_SIZE, first);
        setU64(to, i * IOMMU_IOVA_RANGE_SIZE + 8, last);
      }
    }
    setU32(bytes, IOMMU_IOVA_RANGES_NUM_IOVAS, ranges.length);
    const alignment = ioas.attached > 0 ? PAGE : 1n;
    setU64(bytes, IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64, alignment);
    return ranges.length > room ? -EMSGSIZE : 0;
  }

  #userBytes(argument: IoctlArgument, address: bigint, length: number): Uint8Array | undefined {
    const room = Math.min(argument.length, argument.bytes.byteLength);
    if (address < BigInt(room)) {
      const start = Number(address);
      if (start + length > room) return undefined;
      return argument.bytes.subarray(start, start + length);
    }
    const range = this.#context.memory.resolve(address, BigInt(length));
    return range && new Uint8Array(range.backing.buffer, range.offset, length);
  }

  #map(bytes: Uint8Array): number {
    const flags = getU32(bytes, IOMMU_IOAS_MAP_FLAGS);
    const permissions = IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;
    const reserved = getU32(bytes, IOMMU_IOAS_MAP_RESERVED);
    if ((flags & ~(IOMMU_IOAS_MAP_FIXED_IOVA | permissions)) !== 0 || reserved !== 0) {
      return -EOPNOTSUPP;
    }
    const address = getU64(bytes, IOMMU_IOAS_MAP_USER_VA_LO64);
    const size = getU64(bytes, IOMMU_IOAS_MAP_LENGTH_LO64);
    let iova = getU64(bytes, IOMMU_IOAS_MAP_IOVA_LO64);
    if (iova === ULONG_MAX || size === ULONG_MAX) return -EOVERFLOW;
    if ((flags & permissions) === 0) return -EINVAL;
    const ioas = this.#ioas(getU32(bytes, IOMMU_IOAS_MAP_IOAS_ID));
    if (ioas === undefined) return -ENOENT;
    if (size === 0n || size > ULONG_MAX - PAGE) return -EINVAL;
    if (address + size > ULONG_MAX) return -EOVERFLOW;
    const mask = ioas.attached > 0 ? PAGE - 1n : 0n;
    if ((flags & IOMMU_IOAS_MAP_FIXED_IOVA) !== 0) {
      if ((iova & mask) !== 0n) return -EINVAL;
      const last = iova + size - 1n;
      if (last > ULONG_MAX) return -EOVERFLOW;
      if (!inRanges(this.#rangesOf(ioas), iova, last)) return -EINVAL;
      if (ioas.space.overlapping(iova, last) !== undefined) return -EEXIST;
    } else {
      const alignment = iovaAlignment(size, address);
      if (alignment <= mask) return -EINVAL;
      const ranges = this.#rangesOf(ioas);
      const free = firstFree(ioas.space, ranges, { size, alignment, inPage: address % PAGE });
      if (free === undefined) return -ENOSPC;
      iova = free;
    }
    if (((address | size) & mask) !== 0n) return -EINVAL;
    setU64(bytes, IOMMU_IOAS_MAP_IOVA_LO64, iova);
    // Linux pins, and so notices a bad address, only once a device is attached.
    const place = this.#context.memory.resolve(address, size);
    if (place === undefined) return -EFAULT;
    ioas.space.insert({
      iova,
      size,
      readable: (flags & IOMMU_IOAS_MAP_READABLE) !== 0,
      writable: (flags & IOMMU_IOAS_MAP_WRITEABLE) !== 0,
      address,
      ...place,
    });
    return 0;
  }

  #unmap(bytes: Uint8Array): number {
    const ioas = this.#ioas(getU32(bytes, IOMMU_IOAS_UNMAP_IOAS_ID));
    if (ioas === undefined) return -ENOENT;
    const first = getU64(bytes, IOMMU_IOAS_UNMAP_IOVA_LO64);
    const size = getU64(bytes, IOMMU_IOAS_UNMAP_LENGTH_LO64);
    const all = first === 0n && size === ULONG_MAX;
    if (!all) {
      if (first === ULONG_MAX || size === ULONG_MAX) return -EOVERFLOW;
      if (size === 0n) return -EINVAL;
      if (first + size - 1n > ULONG_MAX) return -EOVERFLOW;
    }
    const last = all ? ULONG_MAX : first + size - 1n;
    let unmapped = 0n;
    for (;;) {
      const mapping = ioas.space.overlapping(first, last);
      if (mapping === undefined) break;
      // Mappings cannot be cut; what lies before this one is gone all the same.
      if (mapping.iova < first || mapping.iova + mapping.size - 1n > last) return -ENOENT;
      ioas.space.remove(mapping);
      unmapped += mapping.size;
    }
    if (unmapped === 0n && !all) return -ENOENT;
    setU64(bytes, IOMMU_IOAS_UNMAP_LENGTH_LO64, unmapped);
    return 0;
  }
}

function inRanges(ranges: readonly IovaRange[], first: bigint, last: bigint): boolean {
  return ranges.some((range) => range.first <= first && last <= range.last);
}

/**
 * How a mapping is aligned that the kernel finds a place for: as its size and
 * its memory allow, for the sake of large pages, but no more than a page (this
 * kernel has no transparent huge pages).
 */
function iovaAlignment(size: bigint, address: bigint): bigint {
  const most = address === 0n ? PAGE : address & -address;
  let alignment = 1n;
  while (alignment < size && alignment < most && alignment < PAGE) alignment *= 2n;
  return alignment;
}

/** The lowest free place in `ranges`; the first and the last page are never given. */
function firstFree(
  space: AddressSpace,
  ranges: readonly IovaRange[],
  wanted: { readonly size: bigint; readonly alignment: bigint; readonly inPage: bigint },
): bigint | undefined {
  const { size, alignment, inPage } = wanted;
  const place = (from: bigint) => -(-from & -alignment) | inPage;
  for (const { first, last } of ranges) {
    const end = last < ULONG_MAX - PAGE ? last : ULONG_MAX - PAGE;
    let iova = place(first > PAGE ? first : PAGE);
    while (iova + size - 1n <= end) {
      const taken = space.overlapping(iova, iova + size - 1n);
      if (taken === undefined) return iova;
      iova = place(taken.iova + taken.size);
    }
  }
  return undefined;
}
