import { EFAULT } from '../../assembly/abi/linux';
import type { GuestRam } from '../boundary/guest-ram';
import type {
  Doorbell,
  IoctlArgument,
  Kernel,
  KernelResources,
  WindowMapping,
} from '../boundary/kernel';
import { errnoName, VfioError } from '../errors';
import { type Addon, LAST_ERRNO, loadAddon, REFUSED_RAM, REFUSED_REQUEST } from './addon';
import { type NativeDoorbell, NativeDoorbells } from './doorbells';

/** A region of a device in the core's linear memory. */
class NativeWindow implements WindowMapping {
  readonly inMemory = true;
  onRefused: ((offset: number) => void) | undefined;
  readonly #addon: Addon;
  readonly #open: Map<number, NativeWindow>;
  #window: number;

  constructor(addon: Addon, window: number, open: Map<number, NativeWindow>) {
    this.#addon = addon;
    this.#window = window;
    this.#open = open;
    open.set(window, this);
  }

  read(): number {
    throw new Error('this window is accessed in memory');
  }

  write(): void {
    throw new Error('this window is accessed in memory');
  }

  unmap(): void {
    if (this.#window < 0) return;
    const result = this.#addon.munmap(this.#window);
    if (result < 0) {
      throw new VfioError('HOST_FAILED', `cannot unmap a region: ${errnoName(-result)}`, {
        errno: -result,
        syscall: 'mmap',
      });
    }
    this.#open.delete(this.#window);
    this.#window = -1;
  }
}

function refused(message: string): VfioError {
  return new VfioError('REFUSED', message);
}

/**
 * The kernel of this machine, through the addon. It opens VFIO and iommufd
 * nodes only, and passes on only the ioctls of the request table: asking for
 * anything else throws VfioError REFUSED. A descriptor that is not its own is
 * −EBADF, a range outside its buffer −EFAULT, and arguments of a wrong type
 * throw TypeError; all else is the kernel's answer.
 */
export class NativeKernel implements Kernel {
  private readonly addon: Addon;
  readonly #doorbells: NativeDoorbells;
  readonly #windows = new Map<number, NativeWindow>();
  readonly #watches = new Map<number, { doorbell: Doorbell; native: NativeDoorbell }>();

  /** @internal use NativeHost */
  constructor(addon: object) {
    this.addon = addon as Addon;
    this.#doorbells = new NativeDoorbells(this.addon);
    this.addon.onRefused((window, offset) => this.#windows.get(window)?.onRefused?.(offset));
  }

  open(path: string, _flags: number): number {
    const fd = this.addon.open(path);
    if (fd < LAST_ERRNO) throw refused(`'${path}' is no node of VFIO or iommufd; it is not opened`);
    return fd;
  }

  close(fd: number): number {
    const result = this.addon.close(fd);
    const watch = this.#watches.get(fd);
    if (watch !== undefined) {
      this.#watches.delete(fd);
      this.#doorbells.release(watch.doorbell);
    }
    return result;
  }

  adopt(fd: number, owned: boolean): number {
    return this.addon.adopt(fd, owned);
  }

  giveBack(lent: number): number {
    return this.addon.giveBack(lent);
  }

  deviceNumber(fd: number): string | number {
    return this.addon.deviceNumber(fd);
  }

  ioctl(fd: number, request: number, argument: IoctlArgument): number {
    const { value, bytes, length } = argument;
    const result = this.addon.ioctl(fd, request >>> 0, value >>> 0, bytes, length);
    if (result >= LAST_ERRNO) return result;
    if (result === REFUSED_REQUEST) {
      throw refused(`request 0x${(request >>> 0).toString(16)} is none of this package's ioctls`);
    }
    if (result === REFUSED_RAM) {
      throw refused('the ioctl names memory that is no guest RAM of this process, or is gone');
    }
    return -EFAULT;
  }

  unmask(fd: number, line: number): number {
    return this.addon.unmask(fd, line) ?? 0;
  }

  eventfd(initial: number, flags: number): number {
    return this.addon.eventfd(initial >>> 0, flags);
  }

  read(fd: number, memory: Uint8Array, pointer: number, length: number): number {
    const result = this.addon.read(fd, memory, pointer >>> 0, length >>> 0);
    this.#watches.get(fd)?.native.settle();
    return result;
  }

  write(fd: number, memory: Uint8Array, pointer: number, length: number): number {
    return this.addon.write(fd, memory, pointer >>> 0, length >>> 0);
  }

  pread(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    return this.addon.pread(fd, memory, pointer >>> 0, length >>> 0, offsetLow, offsetHigh);
  }

  pwrite(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    return this.addon.pwrite(fd, memory, pointer >>> 0, length >>> 0, offsetLow, offsetHigh);
  }

  mmap(
    memory: WebAssembly.Memory,
    pointer: number,
    length: number,
    protection: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
  ): WindowMapping | number {
    const window = this.addon.mmap(
      memory,
      pointer >>> 0,
      length >>> 0,
      protection,
      fd,
      offsetLow >>> 0,
      offsetHigh >>> 0,
    );
    return window < 0 ? window : new NativeWindow(this.addon, window, this.#windows);
  }

  watch(fd: number, doorbell: Doorbell, line: number): number {
    const native = this.#doorbells.acquire(doorbell);
    if (typeof native === 'number') return native;
    const result = this.addon.watch(fd, native.id, line >>> 0);
    if (result < 0) this.#doorbells.release(doorbell);
    else this.#watches.set(fd, { doorbell, native });
    return result;
  }

  unwatch(fd: number): number {
    const result = this.addon.unwatch(fd);
    const watch = this.#watches.get(fd);
    if (result < 0 || watch === undefined) return result;
    watch.native.settle();
    this.#watches.delete(fd);
    this.#doorbells.release(watch.doorbell);
    return result;
  }

  addressOf(ram: GuestRam): bigint {
    return this.addon.addressOf(ram.bytes);
  }

  resources(): KernelResources {
    return this.addon.resources();
  }
}

let kernel: NativeKernel | undefined;

/**
 * The one kernel of this environment: groups and containers are shared by all
 * hosts of one kernel, and Linux opens a group only once.
 *
 * @throws VfioError NATIVE_UNAVAILABLE
 */
export function nativeKernel(): NativeKernel {
  kernel ??= new NativeKernel(loadAddon());
  return kernel;
}
