import { EAGAIN, EINVAL, EIO, ENOENT } from '../../../assembly/abi/linux';
import * as vfio from '../../../assembly/abi/vfio';
import { NODE_CONTAINER } from '../../../assembly/boundary/nodes';
import type { WindowMapping } from '../../../host/boundary/kernel';
import type { CoreImports } from '../../../host/core/boundary-types';
import type { CoreMemory } from '../../../host/core/core-memory';
import { REGION } from './setup';

const DEVICE_HANDLE = 3;
const FIRST_EVENTFD = 100;
const REGION_BYTES = 0x1000;

/**
 * The kernel under one core: just enough to open a device with one region, and
 * the lines with their levels, masks and eventfds (kernel-abi.md, and the same
 * rules as test/reference/kernel-lines.ts). Flat arrays, because the
 * exploration saves and restores it with every transition.
 */
export class FakeKernel {
  readonly isLevel: readonly boolean[];
  readonly high: Uint8Array;
  readonly masked: Uint8Array;
  /** Signals that no one has handled yet, in the eventfd or on their way to the core. */
  readonly waiting: Uint8Array;
  /** The mask was asked for with maskLine(). */
  readonly requested: Uint8Array;
  /** Unmasking fails, of every line. */
  failing = 0;
  /** The next access to the device fails. */
  failAccess = false;
  /** Called while the device is being accessed, as by a device model with callbacks. */
  whileAccessed: (() => void) | undefined;
  memory!: CoreMemory;
  readonly #mappable: boolean;
  readonly #window: WindowMapping = {
    inMemory: false,
    read: () => this.perform(),
    write: () => void this.perform(),
    unmap() {},
  };
  onUnmapped: (() => void) | undefined;
  readonly #lineOf = new Map<number, number>();
  #nextEventfd = FIRST_EVENTFD;

  constructor(isLevel: readonly boolean[], mappable: boolean) {
    this.isLevel = isLevel;
    this.#mappable = mappable;
    this.high = new Uint8Array(isLevel.length);
    this.masked = new Uint8Array(isLevel.length);
    this.waiting = new Uint8Array(isLevel.length);
    this.requested = new Uint8Array(isLevel.length);
  }

  /** The interrupt handler; only that of a level line masks. */
  fire(line: number): void {
    if (this.isLevel[line]) {
      if (this.masked[line] !== 0) return;
      this.masked[line] = 1;
    }
    (this.waiting[line] as number)++;
  }

  raise(line: number): void {
    this.high[line] = 1;
    this.fire(line);
  }

  /** Unmasks as SET_IRQS does: a level that is still high signals at once. */
  unmask(line: number): number {
    if (!this.isLevel[line]) return -EINVAL;
    if (this.failing !== 0) return -EIO;
    if (this.masked[line] !== 0) {
      this.masked[line] = 0;
      if (this.high[line] !== 0) this.fire(line);
    }
    return 0;
  }

  /** What the host looks at for accesses that it performs by itself. */
  windowAt(): WindowMapping {
    return this.#window;
  }

  /** An access to a window never fails here. */
  accessFailed(error: unknown): never {
    throw error;
  }

  /** One load or store of a window. */
  perform(): number {
    this.whileAccessed?.();
    return 0;
  }

  imports(): CoreImports {
    return {
      open: (node) => (node === NODE_CONTAINER ? -ENOENT : node),
      close: () => 0,
      ioctl: (_handle, request, argument) => this.#ioctl(request >>> 0, argument >>> 0),
      eventfd: () => this.#nextEventfd++,
      read: (handle, pointer) => this.#readEventfd(handle, pointer >>> 0),
      pread: (_handle, pointer, length) => this.#access(pointer >>> 0, length),
      pwrite: (_handle, _pointer, length) => this.#access(undefined, length),
      // WINDOW_BY_HOST: the device has no pages in linear memory.
      mmap: () => 1,
      munmap: () => 0,
      load: () => this.perform(),
      store: () => void this.perform(),
      watch: (handle, line) => {
        this.#lineOf.set(handle, line);
        return 0;
      },
      unwatch: () => 0,
      trace: () => {},
    };
  }

  #access(pointer: number | undefined, length: number): number {
    this.whileAccessed?.();
    if (this.failAccess) return -EIO;
    if (pointer !== undefined) this.memory.bytes.fill(0, pointer, pointer + length);
    return length;
  }

  #readEventfd(handle: number, pointer: number): number {
    const line = this.#lineOf.get(handle) as number;
    const count = this.waiting[line] as number;
    if (count === 0) return -EAGAIN;
    this.memory.words[pointer >>> 2] = count;
    this.memory.words[(pointer >>> 2) + 1] = 0;
    this.waiting[line] = 0;
    return 8;
  }

  #ioctl(request: number, argument: number): number {
    const { words } = this.memory;
    const put = (offset: number, value: number) => {
      words[(argument + offset) >>> 2] = value;
    };
    switch (request) {
      case vfio.VFIO_CHECK_EXTENSION:
        return 1;
      case vfio.VFIO_GROUP_GET_STATUS:
        put(vfio.VFIO_GROUP_STATUS_FLAGS, vfio.VFIO_GROUP_FLAGS_VIABLE);
        return 0;
      case vfio.VFIO_GROUP_GET_DEVICE_FD:
        return DEVICE_HANDLE;
      case vfio.VFIO_DEVICE_GET_INFO:
        put(
          vfio.VFIO_DEVICE_INFO_FLAGS,
          vfio.VFIO_DEVICE_FLAGS_PLATFORM | vfio.VFIO_DEVICE_FLAGS_RESET,
        );
        put(vfio.VFIO_DEVICE_INFO_NUM_REGIONS, 2);
        put(vfio.VFIO_DEVICE_INFO_NUM_IRQS, this.isLevel.length);
        return 0;
      case vfio.VFIO_DEVICE_GET_REGION_INFO: {
        const region = words[(argument + vfio.VFIO_REGION_INFO_INDEX) >>> 2] as number;
        put(
          vfio.VFIO_REGION_INFO_FLAGS,
          vfio.VFIO_REGION_INFO_FLAG_READ |
            vfio.VFIO_REGION_INFO_FLAG_WRITE |
            (this.#mappable && region === REGION ? vfio.VFIO_REGION_INFO_FLAG_MMAP : 0),
        );
        put(vfio.VFIO_REGION_INFO_SIZE_LO64, REGION_BYTES);
        return 0;
      }
      case vfio.VFIO_DEVICE_GET_IRQ_INFO: {
        const line = words[(argument + vfio.VFIO_IRQ_INFO_INDEX) >>> 2] as number;
        const level = vfio.VFIO_IRQ_INFO_MASKABLE | vfio.VFIO_IRQ_INFO_AUTOMASKED;
        put(
          vfio.VFIO_IRQ_INFO_FLAGS,
          vfio.VFIO_IRQ_INFO_EVENTFD | (this.isLevel[line] ? level : vfio.VFIO_IRQ_INFO_NORESIZE),
        );
        put(vfio.VFIO_IRQ_INFO_COUNT, 1);
        return 0;
      }
      case vfio.VFIO_DEVICE_SET_IRQS:
        return this.#setIrqs(
          words[(argument + vfio.VFIO_IRQ_SET_FLAGS) >>> 2] as number,
          words[(argument + vfio.VFIO_IRQ_SET_INDEX) >>> 2] as number,
        );
      // VFIO_DEVICE_RESET leaves the levels alone: the guest side may lower
      // them before or after, so nothing is missed, and it is the harder case.
      default:
        return 0;
    }
  }

  #setIrqs(flags: number, line: number): number {
    if ((flags & vfio.VFIO_IRQ_SET_DATA_NONE) === 0) return 0;
    if ((flags & vfio.VFIO_IRQ_SET_ACTION_UNMASK) !== 0) return this.unmask(line);
    if ((flags & vfio.VFIO_IRQ_SET_ACTION_MASK) !== 0) this.masked[line] = 1;
    return 0;
  }
}
