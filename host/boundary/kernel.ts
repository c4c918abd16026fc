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
}

/** A device region that the kernel mapped for a core. */
export interface WindowMapping {
  /**
   * True when the pages are in the core's linear memory and plain loads and
   * stores reach the device; false when the host performs each access.
   */
  readonly inMemory: boolean;
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
 * failure; nothing here throws. File descriptors are the kernel's own; the
 * core sees handles instead (see handle-table.ts).
 *
 * Offsets are 64 bits wide and arrive as two unsigned 32-bit words.
 */
export interface Kernel {
  open(path: string, flags: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: IoctlArgument): number;
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
