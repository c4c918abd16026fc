import type { GuestRam } from './guest-ram';

/**
 * The third argument of an ioctl: either a plain integer or a struct. One
 * object is reused for every call, so a kernel must not keep it.
 */
export interface IoctlArgument {
  /** The argument of requests that take an integer (or nothing). */
  value: number;
  /** The struct; the first `length` bytes are meaningful, the kernel answers in place. */
  readonly bytes: Uint8Array;
  /** A view of the same bytes. */
  readonly view: DataView;
  /** Bytes of the struct, capabilities room included; 0 when `value` is the argument. */
  length: number;
}

/** Where the signals of watched eventfds arrive: the doorbell of one core. */
export interface Doorbell {
  /** `count` (≥ 1) signals of `line` were drained from its trigger eventfd. */
  ring(line: number, count: number): void;
  /**
   * Where a kernel with threads of its own rings, instead of calling `ring`.
   * Without it signals arrive through the event loop.
   */
  readonly memory?: DoorbellMemory;
  /**
   * Called on this thread, soon after another one has rung the silent doorbell
   * in `memory`; it may have been answered since.
   */
  wake?(): void;
  /**
   * The trigger eventfd of `line` has hung up (EPOLLHUP or EPOLLERR) and will
   * signal no more, as when the device is gone. Called through the event loop,
   * once for every watch; signals from before have been delivered.
   */
  hungUp?(line: number): void;
}

/**
 * A doorbell in linear memory; byte offsets, multiples of 4. The protocol is
 * that of assembly/state/layout.ts.
 */
export interface DoorbellMemory {
  readonly memory: WebAssembly.Memory;
  /** One bit for every 32 lines. */
  readonly summary: number;
  /** One bit a line. */
  readonly words: number;
  /** A 32-bit signal count a line. */
  readonly counts: number;
  readonly lines: number;
}

/** A device region that the kernel mapped for a core. */
export interface WindowMapping {
  /**
   * True when the pages are in the core's linear memory and plain loads and
   * stores reach the device; false when the host performs each access.
   */
  readonly inMemory: boolean;
  /**
   * Set by whoever mapped it: called, through the event loop, after the bus has
   * refused an access at `offset` bytes from the start of a mapping in memory.
   * That page reads as ones from then on, until it is mapped anew.
   */
  onRefused?: ((offset: number) => void) | undefined;
  /** One load of 1, 2 or 4 bytes at `offset` from the start of the window (host-performed windows only). */
  read(offset: number, width: number): number;
  /** One store of 1, 2 or 4 bytes (host-performed windows only). */
  write(offset: number, width: number, value: number): void;
  /** Takes the mapping away; the linear memory reads as zeros again. Idempotent. */
  unmap(): void;
}

/** Resources of a kernel that are open now; every number returns to 0 after the last close. */
export interface KernelResources {
  readonly fds: number;
  readonly eventfds: number;
  readonly mappings: number;
  readonly dmaMappings: number;
  readonly watches: number;
}

/**
 * The system calls that the device needs, on a real, simulated or replayed
 * kernel. Results are those of the kernel: 0 or more on success, −errno on
 * failure; only what a kernel was never asked may throw. File descriptors are the kernel's own; the
 * core sees handles instead (see handle-table.ts).
 *
 * Offsets are 64 bits wide and arrive as two unsigned 32-bit words.
 */
export interface Kernel {
  open(path: string, flags: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: IoctlArgument): number;
  /**
   * Lets this kernel use a descriptor that was opened elsewhere. `owned`: it
   * will be closed here, and the answer is 0; otherwise the answer is the number
   * with which giveBack() ends its use. Kernels that know every descriptor leave
   * both out.
   */
  adopt?(fd: number, owned: boolean): number;
  /**
   * Ends one adopt() of a descriptor that is not owned: after the last one it is
   * unknown again. 0, or −EBADF when its lender has closed it meanwhile.
   */
  giveBack?(lent: number): number;
  /**
   * VFIO_DEVICE_SET_IRQS of `line` with DATA_NONE and ACTION_UNMASK, for kernels
   * that have a shorter way than ioctl(). The call for every level interrupt.
   */
  unmask?(fd: number, line: number): number;
  /** 'major:minor' of the device node behind `fd`, or −errno, where the kernel knows it. */
  deviceNumber?(fd: number): string | number;
  eventfd(initial: number, flags: number): number;
  /** Reads up to `length` bytes into `memory` at `pointer`. */
  read(fd: number, memory: Uint8Array, pointer: number, length: number): number;
  /** Writes `length` bytes from `memory` at `pointer`. */
  write(fd: number, memory: Uint8Array, pointer: number, length: number): number;
  pread(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number;
  pwrite(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number;
  /**
   * Maps `length` bytes of `fd` at the 64-bit offset over the pages of
   * `memory` at `pointer` (MAP_SHARED | MAP_FIXED), or answers −errno.
   */
  mmap(
    memory: WebAssembly.Memory,
    pointer: number,
    length: number,
    protection: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
  ): WindowMapping | number;
  /** From now on signals of the eventfd are drained into `doorbell` as `line`. */
  watch(fd: number, doorbell: Doorbell, line: number): number;
  /** Ends a watch; signals that were on their way have arrived when it returns. */
  unwatch(fd: number): number;
  /** The address of guest RAM as ioctls want it, registering the buffer on first use. */
  addressOf(ram: GuestRam): bigint;
  /**
   * Calls `listener` right after a device has written `length` bytes at
   * `offset` of the guest RAM; absent where the kernel cannot see that.
   * @returns ends that; idempotent
   */
  watchDma?(ram: GuestRam, listener: (offset: number, length: number) => void): () => void;
  resources(): KernelResources;
}

/** The part of sysfs that finding a device needs. All paths are absolute. */
export interface Sysfs {
  exists(path: string): boolean;
  /** The target of a symbolic link as it is written, or undefined when `path` is no link. */
  readLink(path: string): string | undefined;
  /** The path with every link resolved, or undefined when it does not exist. */
  realPath(path: string): string | undefined;
  /** The text of a file, or undefined when it cannot be read. */
  readText(path: string): string | undefined;
  /**
   * The bytes of a file, or undefined when it cannot be read. Device-tree
   * properties need them; without this those that are not UTF-8 are not known.
   */
  readBytes?(path: string): Uint8Array | undefined;
  /** The names in a directory, sorted; empty when there is none. */
  list(path: string): readonly string[];
}
