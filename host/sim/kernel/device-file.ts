import {
  EBADF,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOTTY,
  PAGE_SIZE,
  PROT_READ,
  PROT_WRITE,
} from '../../../assembly/abi/linux';
import {
  VFIO_ATTACH_IOMMUFD_PT_FLAGS,
  VFIO_ATTACH_IOMMUFD_PT_ID,
  VFIO_ATTACH_IOMMUFD_PT_SIZE,
  VFIO_BIND_IOMMUFD_FD,
  VFIO_BIND_IOMMUFD_FLAGS,
  VFIO_BIND_IOMMUFD_OUT_DEVID,
  VFIO_BIND_IOMMUFD_SIZE,
  VFIO_DETACH_IOMMUFD_PT_SIZE,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_INFO_FLAGS,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_IRQ_INFO_INDEX,
  VFIO_IRQ_INFO_SIZE,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_INDEX,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE,
  VFIO_REGION_INFO_SIZE_LO64,
  VFIO_SPARSE_MMAP_AREA_OFFSET_LO64,
  VFIO_SPARSE_MMAP_AREA_SIZE,
  VFIO_SPARSE_MMAP_AREA_SIZE_LO64,
  VFIO_SPARSE_MMAP_AREAS,
  VFIO_SPARSE_MMAP_NR_AREAS,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument, WindowMapping } from '../../boundary/kernel';
import { CapabilityChain } from './capabilities';
import type { KernelContext } from './context';
import type { SimulatedDevice } from './device';
import type { VfioGroup } from './group';
import { type DeviceBinding, IommufdFile } from './iommufd';
import { EBADFD, VFIO_DEVICE_INFO_MIN, VFIO_OFFSET_SHIFT } from './numbers';
import { OpenFile } from './open-file';
import type { DeviceRegion } from './region';
import { setIrqs } from './set-irqs';
import { getU32, hasBytes, setU32, setU64 } from './user-struct';
import { RegionWindow } from './window';

const TWO_32 = 0x100000000;
/** Bits of the offset's high word below the region index. */
const HIGH_OFFSET_BITS = VFIO_OFFSET_SHIFT - 32;
const HIGH_OFFSET_MASK = (1 << HIGH_OFFSET_BITS) - 1;

/**
 * An open VFIO device, reached through its group or through its cdev. A cdev
 * can do nothing until it is bound to an iommufd.
 */
export class DeviceFile extends OpenFile {
  readonly #context: KernelContext;
  readonly #device: SimulatedDevice;
  /** The group that it was opened through; undefined for a cdev. */
  readonly #group: VfioGroup | undefined;
  #binding: DeviceBinding | undefined;

  /** VFIO_GROUP_GET_DEVICE_FD. @returns the file, or −EINVAL before SET_IOMMU */
  static openInGroup(
    context: KernelContext,
    device: SimulatedDevice,
    group: VfioGroup,
  ): DeviceFile | number {
    if (group.container === undefined) return -EINVAL;
    if (device.openCount === 0) {
      const failure = group.useContainer();
      if (failure < 0) return failure;
    }
    device.open();
    return new DeviceFile(context, device, group);
  }

  /** Opens /dev/vfio/devices/vfioN. Any number may be open; only one can be bound. */
  static openCdev(context: KernelContext, device: SimulatedDevice): DeviceFile {
    return new DeviceFile(context, device, undefined);
  }

  private constructor(
    context: KernelContext,
    device: SimulatedDevice,
    group: VfioGroup | undefined,
  ) {
    super(device.faults);
    this.#context = context;
    this.#device = device;
    this.#group = group;
    device.hold();
  }

  get #accessible(): boolean {
    return this.#group !== undefined || this.#binding !== undefined;
  }

  override ioctl(request: number, argument: IoctlArgument): number {
    if (request === VFIO_DEVICE_BIND_IOMMUFD) return this.#bind(argument);
    if (!this.#accessible) return -EINVAL;
    if (this.#binding !== undefined) {
      if (request === VFIO_DEVICE_ATTACH_IOMMUFD_PT) return attach(this.#binding, argument);
      if (request === VFIO_DEVICE_DETACH_IOMMUFD_PT) return detach(this.#binding, argument);
    }
    switch (request) {
      case VFIO_DEVICE_SET_IRQS:
        return setIrqs(this.#device.lines, argument, this.#context.fds);
      case VFIO_DEVICE_GET_INFO:
        return this.#getInfo(argument);
      case VFIO_DEVICE_GET_REGION_INFO:
        return this.#getRegionInfo(argument);
      case VFIO_DEVICE_GET_IRQ_INFO:
        return this.#getIrqInfo(argument);
      case VFIO_DEVICE_RESET:
        return this.#device.reset();
      default:
        // vfio-platform has no DEVICE_FEATURE either.
        return -ENOTTY;
    }
  }

  /** The driver never moves the file position, so read(2) is always at 0. */
  override read(memory: Uint8Array, pointer: number, length: number): number {
    return this.pread(memory, pointer, length, 0, 0);
  }

  override write(memory: Uint8Array, pointer: number, length: number): number {
    return this.pwrite(memory, pointer, length, 0, 0);
  }

  override pread(
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    const region = this.#regionAt(offsetHigh);
    if (region === undefined) return -EINVAL;
    return region.read(memory, pointer, length, offsetInRegion(offsetLow, offsetHigh));
  }

  override pwrite(
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    const region = this.#regionAt(offsetHigh);
    if (region === undefined) return -EINVAL;
    return region.write(memory, pointer, length, offsetInRegion(offsetLow, offsetHigh));
  }

  override mmap(
    memory: WebAssembly.Memory,
    pointer: number,
    length: number,
    protection: number,
    offsetLow: number,
    offsetHigh: number,
  ): WindowMapping | number {
    const region = this.#regionAt(offsetHigh);
    if (region === undefined) return -EINVAL;
    const start = offsetInRegion(offsetLow, offsetHigh);
    const pages = Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
    if (pages === 0 || start % PAGE_SIZE !== 0 || pointer % PAGE_SIZE !== 0) return -EINVAL;
    // The process has no memory there: MAP_FIXED would overwrite a stranger's.
    if (pointer + pages > memory.buffer.byteLength) return -EINVAL;
    if (!mayMap(region, start, pages, protection)) return -EINVAL;
    const place = { memory, pointer, length: pages, start };
    return new RegionWindow(this, region, place, protection, this.#context.counters);
  }

  protected release(): void {
    const device = this.#device;
    if (this.#group !== undefined) {
      device.close();
      if (device.openCount === 0) this.#group.unuseContainer();
    } else if (this.#binding !== undefined) {
      device.close();
      this.#binding.unbind();
      if (device.group !== undefined) device.group.cdevUsers--;
    }
    device.letGo();
  }

  #regionAt(offsetHigh: number): DeviceRegion | undefined {
    if (!this.#accessible || offsetHigh > 0x7fffffff) return undefined;
    return this.#device.regions[offsetHigh >>> HIGH_OFFSET_BITS];
  }

  #bind(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_BIND_IOMMUFD_SIZE)) return -EFAULT;
    const { bytes } = argument;
    const fd = getU32(bytes, VFIO_BIND_IOMMUFD_FD) | 0;
    const flags = getU32(bytes, VFIO_BIND_IOMMUFD_FLAGS);
    if (getU32(bytes, 0) < VFIO_BIND_IOMMUFD_SIZE || flags !== 0 || fd < 0) return -EINVAL;
    const device = this.#device;
    const { group } = device;
    if (this.#group !== undefined || group === undefined) return -EINVAL;
    if (group.openedFile !== undefined) return -EBUSY;
    if (this.#binding !== undefined) return -EINVAL;
    const file = this.#context.fds.get(fd);
    if (file === undefined) return -EBADF;
    if (!(file instanceof IommufdFile)) return -EBADFD;
    // Only a group may open a device several times.
    if (device.openCount > 0) return -EINVAL;
    const binding = file.bind(device, group);
    if (typeof binding === 'number') return binding;
    group.cdevUsers++;
    device.open();
    this.#binding = binding;
    setU32(bytes, VFIO_BIND_IOMMUFD_OUT_DEVID, binding.id);
    return 0;
  }

  #getInfo(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_DEVICE_INFO_MIN)) return -EFAULT;
    const { bytes } = argument;
    if (getU32(bytes, 0) < VFIO_DEVICE_INFO_MIN) return -EINVAL;
    const { busFlag, model, regions, lines } = this.#device;
    const reset = model.resettable ? VFIO_DEVICE_FLAGS_RESET : 0;
    setU32(bytes, VFIO_DEVICE_INFO_FLAGS, busFlag | reset);
    setU32(bytes, VFIO_DEVICE_INFO_NUM_REGIONS, regions.length);
    setU32(bytes, VFIO_DEVICE_INFO_NUM_IRQS, lines.length);
    return 0;
  }

  #getRegionInfo(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_REGION_INFO_SIZE)) return -EFAULT;
    const { bytes } = argument;
    const argsz = getU32(bytes, 0);
    if (argsz < VFIO_REGION_INFO_SIZE) return -EINVAL;
    const region = this.#device.regions[getU32(bytes, VFIO_REGION_INFO_INDEX)];
    if (region === undefined) return -EINVAL;
    let { flags } = region;
    let capOffset: number | undefined;
    const chain = sparseChain(region);
    if (chain !== undefined) {
      flags |= VFIO_REGION_INFO_FLAG_CAPS;
      const needed = VFIO_REGION_INFO_SIZE + chain.size;
      const fits = argsz >= needed;
      if (fits && !hasBytes(argument, needed)) return -EFAULT;
      if (fits) chain.write(bytes, VFIO_REGION_INFO_SIZE);
      else setU32(bytes, 0, needed);
      capOffset = fits ? VFIO_REGION_INFO_SIZE : 0;
    }
    if (capOffset !== undefined) setU32(bytes, VFIO_REGION_INFO_CAP_OFFSET, capOffset);
    setU32(bytes, VFIO_REGION_INFO_FLAGS, flags);
    setU64(bytes, VFIO_REGION_INFO_SIZE_LO64, BigInt(region.size));
    setU64(bytes, VFIO_REGION_INFO_OFFSET_LO64, BigInt(region.index) << BigInt(VFIO_OFFSET_SHIFT));
    return 0;
  }

  #getIrqInfo(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_IRQ_INFO_SIZE)) return -EFAULT;
    const { bytes } = argument;
    if (getU32(bytes, 0) < VFIO_IRQ_INFO_SIZE) return -EINVAL;
    const line = this.#device.lines[getU32(bytes, VFIO_IRQ_INFO_INDEX)];
    if (line === undefined) return -EINVAL;
    setU32(bytes, VFIO_IRQ_INFO_FLAGS, line.flags);
    setU32(bytes, VFIO_IRQ_INFO_COUNT, 1);
    return 0;
  }
}

function offsetInRegion(offsetLow: number, offsetHigh: number): number {
  return (offsetHigh & HIGH_OFFSET_MASK) * TWO_32 + offsetLow;
}

function mayMap(region: DeviceRegion, start: number, length: number, protection: number): boolean {
  const { flags, size } = region;
  if ((flags & VFIO_REGION_INFO_FLAG_MMAP) === 0) return false;
  if ((protection & PROT_READ) !== 0 && (flags & VFIO_REGION_INFO_FLAG_READ) === 0) return false;
  if ((protection & PROT_WRITE) !== 0 && (flags & VFIO_REGION_INFO_FLAG_WRITE) === 0) return false;
  if (start + length > size) return false;
  const { sparse } = region.model;
  if (sparse === undefined) return true;
  return sparse.some((area) => area.offset <= start && start + length <= area.offset + area.size);
}

function sparseChain(region: DeviceRegion): CapabilityChain | undefined {
  const { sparse } = region.model;
  if (sparse === undefined) return undefined;
  const size = VFIO_SPARSE_MMAP_AREAS + sparse.length * VFIO_SPARSE_MMAP_AREA_SIZE;
  return new CapabilityChain().add(VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, size, (bytes, at) => {
    setU32(bytes, at + VFIO_SPARSE_MMAP_NR_AREAS, sparse.length);
    sparse.forEach((area, index) => {
      const to = at + VFIO_SPARSE_MMAP_AREAS + index * VFIO_SPARSE_MMAP_AREA_SIZE;
      setU64(bytes, to + VFIO_SPARSE_MMAP_AREA_OFFSET_LO64, BigInt(area.offset));
      setU64(bytes, to + VFIO_SPARSE_MMAP_AREA_SIZE_LO64, BigInt(area.size));
    });
  });
}

function attach(binding: DeviceBinding, argument: IoctlArgument): number {
  if (!hasBytes(argument, VFIO_ATTACH_IOMMUFD_PT_SIZE)) return -EFAULT;
  const { bytes } = argument;
  const flags = getU32(bytes, VFIO_ATTACH_IOMMUFD_PT_FLAGS);
  if (getU32(bytes, 0) < VFIO_ATTACH_IOMMUFD_PT_SIZE || flags !== 0) return -EINVAL;
  const id = binding.attach(getU32(bytes, VFIO_ATTACH_IOMMUFD_PT_ID));
  if (id < 0) return id;
  setU32(bytes, VFIO_ATTACH_IOMMUFD_PT_ID, id);
  return 0;
}

function detach(binding: DeviceBinding, argument: IoctlArgument): number {
  if (!hasBytes(argument, VFIO_DETACH_IOMMUFD_PT_SIZE)) return -EFAULT;
  const { bytes } = argument;
  const flags = getU32(bytes, VFIO_ATTACH_IOMMUFD_PT_FLAGS);
  if (getU32(bytes, 0) < VFIO_DETACH_IOMMUFD_PT_SIZE || flags !== 0) return -EINVAL;
  binding.detach();
  return 0;
}
