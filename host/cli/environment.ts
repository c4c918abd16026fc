import type { VfioHost } from '../boundary/host';
import type { Sysfs } from '../boundary/kernel';
import type { Clock } from '../time/clock';

/** A file of the user that is read where needed. */
export interface OpenedFile {
  /** Bytes. */
  readonly size: number;
  /** `length` bytes from `at`, fewer only at the end. @throws CommandError FILE_FAILED */
  read(at: number, length: number): Uint8Array;
  close(): void;
}

/** A file of the user that grows; what has been written survives whatever happens next. */
export interface CreatedFile {
  /** @throws CommandError FILE_FAILED */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Files that the user names. */
export interface UserFiles {
  /** @throws CommandError NO_SUCH_FILE, NOT_PERMITTED, FILE_FAILED */
  open(path: string): OpenedFile;
  /** @param replace a file that is there already @throws CommandError NOT_PERMITTED, FILE_FAILED */
  create(path: string, replace: boolean): CreatedFile;
  /** @throws CommandError NO_SUCH_FILE, NOT_PERMITTED, FILE_FAILED, also when it has more than `most` bytes */
  read(path: string, most: number): Uint8Array;
  remove(path: string): void;
  /** Makes the file, or replaces it as a whole. @throws CommandError NOT_PERMITTED, FILE_FAILED */
  write(path: string, bytes: Uint8Array): void;
}

/** Where a command writes, and how it hears of Ctrl-C. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Errors, warnings and progress. */
  error(text: string): void;
  /** Whether colours are wanted. */
  readonly colour: boolean;
  /** Whether a person watches: progress is shown then. */
  readonly interactive: boolean;
  /** Columns to fill at most. */
  readonly columns: number;
  /** Aborted by SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
  readonly files: UserFiles;
  /** A new UUID. */
  uuid(): string;
  /**
   * Work that hardly gets back to the event loop: Ctrl-C ends the process there
   * at once, since nothing could hear of it.
   */
  blocking<T>(work: () => T | Promise<T>): Promise<T>;
  /**
   * Runs a command of the user's shell with `argument` behind it; its output is dropped.
   * @returns its exit code, or 128 and more when a signal ended it
   */
  shell(command: string, argument: string): Promise<number>;
  /** Milliseconds of a monotonic clock. */
  nowMs(): number;
  /** Resolves after `ms`, or at once when `interrupted` is aborted. */
  sleep(ms: number): Promise<void>;
}

/** The host's file system as commands read it. */
export interface HostFiles extends Sysfs {
  /** The bytes of a file, or undefined when it cannot be read. */
  readBytes(path: string): Uint8Array | undefined;
  /** 0 when this process may open the file that way, else the errno of access(2). */
  access(path: string, mode: 'read' | 'write' | 'read-write'): number;
}

/** Writes the attributes by which the kernel binds and unbinds drivers. */
export interface SysfsWriter {
  /** Writes an attribute that the kernel takes at once. @returns 0 or the errno */
  set(path: string, text: string): number;
  /**
   * Writes `text` to a file of sysfs with one write(2). The kernel may take its
   * time: unbinding waits for the last user of a device, and cannot be stopped.
   *
   * @returns 0, the errno, or 'pending' when the kernel was not done within
   *   `timeoutMs` of the write; it goes on then by itself
   */
  write(path: string, text: string, timeoutMs: number): Promise<number | 'pending'>;
}

/** Small texts that outlive the process but not the host's uptime, by key. */
export interface RecordStore {
  load(key: string): string | undefined;
  /** @returns 0 or the errno */
  save(key: string, text: string): number;
  remove(key: string): void;
  /** Where a record is kept, for messages. */
  describe(key: string): string;
}

/** A kernel to open devices on, and its time. */
export interface HostConnection {
  readonly host: VfioHost;
  readonly clock: Clock;
  /**
   * Lets `ms` milliseconds of the host's time go by. Ends earlier at
   * `interrupted`, and soon after something called wake().
   *
   * @returns whether anything can still happen by itself; false only in a
   *   simulation in which nothing is due
   */
  wait(ms: number, interrupted: AbortSignal): Promise<boolean>;
  wake(): void;
  /** What a passed-through UART of the simulation sends; nothing on a real host. */
  onSerial(listener: (device: string, byte: number) => void): void;
  close(): void;
}

/** The computer whose devices a command is about: this one, or a simulated one. */
export interface HostSystem {
  readonly kind: 'native' | 'sim';
  /** 'linux', or what else this is (process.platform). */
  readonly platform: string;
  /** Kernel release, as `uname -r` prints it. */
  readonly release: string;
  /** Machine, as `uname -m` prints it. */
  readonly machine: string;
  /** This process, which is never named as the holder of a device. */
  readonly pid: number;
  readonly files: HostFiles;
  readonly writer: SysfsWriter;
  readonly records: RecordStore;
  /** RAM for a guest that devices can reach by DMA. @throws VfioError */
  allocGuestRam(size: number): Uint8Array<ArrayBuffer>;
  /**
   * @param clock time of the machine that the devices go into; the host's own unless given
   * @throws VfioError NATIVE_UNAVAILABLE
   */
  connect(clock?: Clock): Promise<HostConnection>;
}
