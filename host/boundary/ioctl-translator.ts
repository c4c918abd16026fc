import { EBADF, EFAULT, ENOENT, ENOTTY } from '../../assembly/abi/linux';
import { VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA } from '../../assembly/abi/vfio';
import { RAM_HANDLE_SHIFT } from '../../assembly/boundary/nodes';
import { MAX_INFO_BYTES } from '../../assembly/limits';
import type { CoreMemory } from '../core/core-memory';
import type { GuestRam } from './guest-ram';
import type { HandleTable } from './handle-table';
import { PlainIoctlArgument } from './ioctl-argument';
import type { Kernel } from './kernel';
import { type HandleField, type RequestShape, requestTable } from './request-table';
import type { SharedNodes } from './shared-nodes';

/** No smallest IOMMU page is larger than 64 KiB. */
const PAGE_MASK = 0xffffn;

/**
 * Turns the core's ioctls into the kernel's, by the request table: handles
 * become descriptors, guest RAM offsets become addresses, and back.
 */
export class IoctlTranslator {
  readonly #kernel: Kernel;
  readonly #nodes: SharedNodes;
  readonly #handles: HandleTable;
  readonly #deviceName: string;
  readonly #argument = new PlainIoctlArgument(MAX_INFO_BYTES);
  readonly #guestRam: (GuestRam | undefined)[] = [];

  constructor(kernel: Kernel, nodes: SharedNodes, handles: HandleTable, deviceName: string) {
    this.#kernel = kernel;
    this.#nodes = nodes;
    this.#handles = handles;
    this.#deviceName = deviceName;
  }

  /**
   * How the core names this guest RAM. Offsets count from the page boundary at
   * or before its first byte, so that the core can see how it lines up.
   */
  guestRam(ram: GuestRam): { readonly handle: number; readonly offset: number } {
    const free = this.#guestRam.indexOf(undefined);
    const handle = free >= 0 ? free : this.#guestRam.length;
    this.#guestRam[handle] = ram;
    return { handle, offset: Number(this.#kernel.addressOf(ram) & PAGE_MASK) };
  }

  releaseGuestRam(handle: number): void {
    this.#guestRam[handle] = undefined;
  }

  /** Whether the result of `request` is a new descriptor. */
  returnsHandle(request: number): boolean {
    return requestTable.get(request)?.returnsHandle === true;
  }

  /** The kernel's result, with `argument` as the core passed it. */
  ioctl(memory: CoreMemory, handle: number, request: number, argument: number): number {
    const fd = this.#handles.fd(handle);
    if (fd < 0) return -EBADF;
    const shape = requestTable.get(request);
    if (shape === undefined) return -ENOTTY;
    const passed = this.#argument;
    passed.length = 0;
    passed.value = shape.argument === 'integer' ? argument : 0;
    if (shape.argument === 'device-name') passed.setString(this.#deviceName);
    if (shape.argument !== 'struct') return this.#call(fd, request);
    const failure = this.#copyIn(shape, memory, argument);
    if (failure !== 0) return failure;
    const result = this.#call(fd, request);
    this.#copyOut(shape, memory, argument);
    return result;
  }

  #call(fd: number, request: number): number {
    const dma = this.#nodes.find(fd)?.dma;
    if (dma !== undefined && request === VFIO_IOMMU_MAP_DMA) {
      if (dma.joins(this.#argument, this)) return 0;
      const result = this.#kernel.ioctl(fd, request, this.#argument);
      if (result === 0) dma.add(this.#argument, this);
      return result;
    }
    if (dma !== undefined && request === VFIO_IOMMU_UNMAP_DMA) {
      const left = dma.leaves(this.#argument, this);
      if (left !== 'last') return left === 'foreign' ? -ENOENT : 0;
    }
    return this.#kernel.ioctl(fd, request, this.#argument);
  }

  #isPresent(field: HandleField): boolean {
    return !field.when || (this.#argument.word(field.when.offset) & field.when.bits) !== 0;
  }

  #copyIn(shape: RequestShape, memory: CoreMemory, pointer: number): number {
    let length = shape.sized ? memory.word(pointer) : shape.size;
    if (shape.items) length += memory.word(pointer + shape.items.count) * shape.items.size;
    const { bytes } = memory;
    if (length < shape.size || length > MAX_INFO_BYTES || pointer + length > bytes.length) {
      return -EFAULT;
    }
    const passed = this.#argument;
    passed.bytes.set(bytes.subarray(pointer, pointer + length));
    passed.length = length;
    for (const field of shape.handles) {
      const handle = passed.view.getInt32(field.offset, true);
      if (handle < 0 || !this.#isPresent(field)) continue;
      const fd = this.#handles.fd(handle);
      if (fd < 0) return -EBADF;
      passed.view.setInt32(field.offset, fd, true);
    }
    return shape.guestRam === undefined ? 0 : this.#translateRam(shape.guestRam);
  }

  #translateRam(offset: number): number {
    const { view } = this.#argument;
    const reference = view.getBigUint64(offset, true);
    const shift = 32n + BigInt(RAM_HANDLE_SHIFT);
    const ram = this.#guestRam[Number(reference >> shift)];
    if (ram === undefined) return -EFAULT;
    const base = this.#kernel.addressOf(ram) & ~PAGE_MASK;
    view.setBigUint64(offset, base + (reference & ((1n << shift) - 1n)), true);
    return 0;
  }

  /** The kernel's answer; fields that were translated keep what the core put there. */
  #copyOut(shape: RequestShape, memory: CoreMemory, pointer: number): void {
    const passed = this.#argument;
    const { bytes } = memory;
    const keep = (offset: number, size: number) => {
      const at = pointer + offset;
      passed.bytes.set(bytes.subarray(at, at + size), offset);
    };
    for (const field of shape.handles) if (this.#isPresent(field)) keep(field.offset, 4);
    if (shape.guestRam !== undefined) keep(shape.guestRam, 8);
    bytes.set(passed.bytes.subarray(0, passed.length), pointer);
  }
}
