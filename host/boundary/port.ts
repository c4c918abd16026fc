import { EBADF, EINVAL, EIO, ENOENT, ENXIO, O_CLOEXEC, O_RDWR } from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_COUNT,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_FLAGS,
  VFIO_IRQ_SET_INDEX,
  VFIO_IRQ_SET_SIZE,
} from '../../assembly/abi/vfio';
import { EFFECT_MORE } from '../../assembly/boundary/effects';
import * as nodes from '../../assembly/boundary/nodes';
import { MAX_LINES } from '../../assembly/limits';
import {
  DOORBELL,
  DOORBELL_COUNTS,
  DOORBELL_WORDS,
  FIRST_EFFECT,
  WINDOW_FAILED,
} from '../../assembly/state/layout';
import type { CoreImports } from '../core/boundary-types';
import type { CoreMemory } from '../core/core-memory';
import type { GuestRam } from './guest-ram';
import { HandleTable } from './handle-table';
import type { DeviceLocation, VfioHost } from './host';
import { PlainIoctlArgument } from './ioctl-argument';
import { IoctlTranslator } from './ioctl-translator';
import type { Doorbell, DoorbellMemory, Kernel, WindowMapping } from './kernel';
import { IOMMUFD_PATH, type SharedNode, SharedNodes } from './shared-nodes';
import { WindowTable } from './window-table';

/** A trace event as the core handed it over. */
export interface RawTraceEvent {
  readonly event: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Whether the kernel has a call of its own for what every EOI of a level line does. */
function hasUnmask(kernel: Kernel): kernel is Kernel & Required<Pick<Kernel, 'unmask'>> {
  return kernel.unmask !== undefined;
}

/**
 * The host's side of the import boundary for one core: resolves handles and
 * pointers, and passes the calls on to the kernel.
 */
export class HostPort implements Doorbell {
  /** Trace events that wait to be delivered. */
  readonly traced: RawTraceEvent[] = [];
  /** Called when an import or an unmask fails, before it returns. The device throws the error later. */
  onFailure: ((error: unknown) => void) | undefined;
  /** Called when a signal rings the silent doorbell. */
  onRing: (() => void) | undefined;
  /** Called when the kernel has hung up a line's trigger. */
  onHangUp: ((line: number) => void) | undefined;
  /** Called when a window has been taken away. */
  onUnmapped: (() => void) | undefined;
  /** Called when the bus has refused an access to the window at `pointer`, `offset` bytes on. */
  onRefused: ((pointer: number, offset: number) => void) | undefined;

  // Not #private: these are on the path of every unmask.
  declare private readonly kernel: Kernel;
  readonly #nodes: SharedNodes;
  readonly #location: DeviceLocation;
  readonly #vmFd: number | undefined;
  readonly #handles = new HandleTable();
  readonly #windows = new WindowTable();
  readonly #translator: IoctlTranslator;
  declare private readonly unmasker: Required<Pick<Kernel, 'unmask'>>;
  private readonly unmaskArgument = new PlainIoctlArgument(VFIO_IRQ_SET_SIZE);
  private unmaskLine = 0;
  #errors: unknown[] = [];
  #memory!: CoreMemory;
  private deviceFd = -1;

  /** @param vmFd descriptor of the machine's KVM virtual machine, where it has one */
  constructor(host: VfioHost, location: DeviceLocation, vmFd?: number) {
    this.kernel = host.kernel;
    this.#nodes = SharedNodes.of(host.kernel);
    const { kernel } = host;
    this.unmasker = hasUnmask(kernel) ? kernel : { unmask: (_, line) => this.unmaskByIoctl(line) };
    this.#location = location;
    this.#vmFd = vmFd;
    this.#translator = new IoctlTranslator(host.kernel, this.#nodes, this.#handles, location.name);
    const { view } = this.unmaskArgument;
    view.setUint32(0, VFIO_IRQ_SET_SIZE, true);
    view.setUint32(VFIO_IRQ_SET_FLAGS, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, true);
    view.setUint32(VFIO_IRQ_SET_COUNT, 1, true);
    this.unmaskArgument.length = VFIO_IRQ_SET_SIZE;
  }

  /** Must be called before the core calls any import. */
  setMemory(memory: CoreMemory): void {
    this.#memory = memory;
  }

  /** How the core names this guest RAM: a handle, and where in its first page it begins. */
  guestRam(ram: GuestRam): { readonly handle: number; readonly offset: number } {
    return this.#translator.guestRam(ram);
  }

  /** Ends the use of a handle of guestRam(). */
  releaseGuestRam(handle: number): void {
    this.#translator.releaseGuestRam(handle);
  }

  /**
   * The window that the core has mapped at `pointer`, for accesses that the host
   * performs (HOST_READ_END in state/layout.ts); until onUnmapped().
   */
  windowAt(pointer: number): WindowMapping {
    return this.#windows.at(pointer);
  }

  /** Carries out EFFECT_UNMASK: 0 or −errno. */
  unmask(line: number): number {
    try {
      return this.unmasker.unmask(this.deviceFd, line);
    } catch (error) {
      // The core must hear of it: it tries again.
      this.fail(error);
      return -EIO;
    }
  }

  private unmaskByIoctl(line: number): number {
    // Written only when it changes: that costs as much as the rest.
    if (line !== this.unmaskLine) {
      this.unmaskLine = line;
      // Byte by byte: faster than a view, and lines alternate.
      this.unmaskArgument.bytes[VFIO_IRQ_SET_INDEX] = line;
      this.unmaskArgument.bytes[VFIO_IRQ_SET_INDEX + 1] = line >>> 8;
    }
    return this.kernel.ioctl(this.deviceFd, VFIO_DEVICE_SET_IRQS, this.unmaskArgument);
  }

  /** Rings the core's doorbell; see state/layout.ts for the protocol. */
  ring(line: number, count: number): void {
    const words = this.#memory.signedWords;
    const summary = DOORBELL >>> 2;
    const word = line >>> 5;
    // Atomic, because a native host's thread may ring for other lines meanwhile.
    Atomics.add(words, (DOORBELL_COUNTS >>> 2) + line, count);
    Atomics.or(words, (DOORBELL_WORDS >>> 2) + word, 1 << (line & 31));
    const wasSilent = Atomics.or(words, summary, 1 << word) === 0;
    if (!wasSilent) return;
    try {
      this.onRing?.();
    } catch (error) {
      // Of the machine, in the midst of whatever has rung; that goes on.
      this.#keep(error);
    }
  }

  /** Where another thread rings. */
  get memory(): DoorbellMemory {
    return {
      memory: this.#memory.memory,
      summary: DOORBELL,
      words: DOORBELL_WORDS,
      counts: DOORBELL_COUNTS,
      lines: MAX_LINES,
    };
  }

  /** Another thread has rung; a safe point may have answered since. */
  wake(): void {
    if (Atomics.load(this.#memory.signedWords, DOORBELL >>> 2) === 0) return;
    // Not guarded: the event loop calls this, and no core is below.
    this.onRing?.();
  }

  /** A line's trigger will signal no more. */
  hungUp(line: number): void {
    // Not guarded, as wake() is not.
    this.onHangUp?.(line);
  }

  /**
   * Runs code that is not ours below the core. An exception must not unwind the
   * core, which would leave it half done: it waits, and the device throws it
   * when the core has returned (takeError()).
   */
  private guard(call: () => number): number {
    try {
      return call();
    } catch (error) {
      this.fail(error);
      return -EIO;
    }
  }

  /** An access to a window has thrown. The device throws that when all effects are applied. */
  accessFailed(error: unknown): void {
    this.#keep(error);
  }

  /** The import `load` or `store` fails with this error. */
  failWindow(error: unknown): void {
    this.#memory.words[WINDOW_FAILED >>> 2] = 1;
    this.fail(error);
  }

  /** Whether the `load` or `store` that has just returned has failed: for who called it instead of the core. */
  takeWindowFailure(): boolean {
    const { words } = this.#memory;
    if (words[WINDOW_FAILED >>> 2] === 0) return false;
    words[WINDOW_FAILED >>> 2] = 0;
    return true;
  }

  /** An import or an unmask fails with this error. The device throws it when the core has returned. */
  fail(error: unknown): void {
    this.onFailure?.(error);
    this.#keep(error);
  }

  #keep(error: unknown): void {
    this.#errors.push(error);
    const words = this.#memory.words;
    // Makes the core and the device look for more effects, and so for the error.
    words[FIRST_EFFECT >>> 2] = (words[FIRST_EFFECT >>> 2] as number) | EFFECT_MORE;
  }

  /** Whether an exception waits. */
  get failed(): boolean {
    return this.#errors.length > 0;
  }

  /** The exceptions that wait, oldest first; they belong to the state of the core. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  /** For who brings back a state of the core. */
  set errors(errors: readonly unknown[]) {
    this.#errors = [...errors];
  }

  /** The oldest exception that waits, boxed; undefined when there is none. */
  takeError(): { readonly error: unknown } | undefined {
    return this.#errors.length === 0 ? undefined : { error: this.#errors.shift() };
  }

  /** What the core imports. */
  imports(): CoreImports {
    const kernel = this.kernel;
    const handles = this.#handles;
    const windows = this.#windows;
    const guard = this.guard.bind(this);
    return {
      open: (node, index) => guard(() => this.#open(node, index)),
      close: (handle) => guard(() => handles.remove(handle)?.() ?? -EBADF),
      ioctl: (handle, request, argument) =>
        guard(() => this.#ioctl(handle, request >>> 0, argument >>> 0)),
      eventfd: (initial, flags) =>
        guard(() => {
          const fd = kernel.eventfd(initial, flags);
          return fd < 0 ? fd : handles.add(fd, () => kernel.close(fd));
        }),
      read: (handle, pointer, length) =>
        guard(() => kernel.read(handles.fd(handle), this.#memory.bytes, pointer, length)),
      pread: (handle, pointer, length, low, high) => {
        try {
          const { bytes } = this.#memory;
          return kernel.pread(handles.fd(handle), bytes, pointer, length, low >>> 0, high >>> 0);
        } catch (error) {
          this.fail(error);
          return -EIO;
        }
      },
      pwrite: (handle, pointer, length, low, high) => {
        try {
          const { bytes } = this.#memory;
          return kernel.pwrite(handles.fd(handle), bytes, pointer, length, low >>> 0, high >>> 0);
        } catch (error) {
          this.fail(error);
          return -EIO;
        }
      },
      mmap: (pointer, length, protection, handle, low, high) =>
        guard(() => {
          const { memory } = this.#memory;
          const fd = handles.fd(handle);
          const at = [fd, low >>> 0, high >>> 0] as const;
          const mapping = kernel.mmap(memory, pointer, length, protection, ...at);
          if (typeof mapping === 'number') return mapping;
          windows.add(pointer, length, mapping);
          if (!mapping.inMemory) return nodes.WINDOW_BY_HOST;
          mapping.onRefused = (offset) => this.onRefused?.(pointer, offset);
          return nodes.WINDOW_IN_MEMORY;
        }),
      munmap: (pointer) =>
        guard(() => {
          const mapping = windows.remove(pointer);
          this.onUnmapped?.();
          mapping?.unmap();
          return mapping === undefined ? -EINVAL : 0;
        }),
      load: (pointer, width) => {
        try {
          return windows.load(pointer, width);
        } catch (error) {
          this.failWindow(error);
          return -1;
        }
      },
      store: (pointer, width, value) => {
        try {
          windows.store(pointer, width, value >>> 0);
        } catch (error) {
          this.failWindow(error);
        }
      },
      watch: (handle, line) => guard(() => kernel.watch(handles.fd(handle), this, line)),
      unwatch: (handle) => guard(() => kernel.unwatch(handles.fd(handle))),
      trace: (event, a, b, c) => {
        this.traced.push({ event, a: a >>> 0, b: b >>> 0, c: c >>> 0 });
      },
    };
  }

  #share(node: SharedNode | number): number {
    if (typeof node === 'number') return node;
    return this.#handles.add(node.fd, () => this.#nodes.close(node));
  }

  #addDevice(fd: number): number {
    this.deviceFd = fd;
    return this.#handles.add(fd, () => {
      this.deviceFd = -1;
      return this.kernel.close(fd);
    });
  }

  #open(node: number, index: number): number {
    const { groupPath, cdevPath, fd } = this.#location;
    switch (node) {
      case nodes.NODE_GROUP:
      case nodes.NODE_NOIOMMU_GROUP:
        return groupPath === undefined ? -ENOENT : this.#share(this.#nodes.open(groupPath));
      case nodes.NODE_GROUP_CONTAINER:
        return groupPath === undefined ? -ENOENT : this.#share(this.#nodes.containerOf(groupPath));
      case nodes.NODE_CONTAINER:
        return this.#share(this.#nodes.container(index));
      case nodes.NODE_NEW_CONTAINER:
        return this.#share(this.#nodes.newContainer());
      case nodes.NODE_IOMMUFD:
        return this.#share(this.#nodes.open(IOMMUFD_PATH));
      case nodes.NODE_CDEV: {
        const opened = fd === undefined ? this.#openCdev(cdevPath ?? '') : this.#adopt(fd);
        return opened < 0 ? opened : this.#addDevice(opened);
      }
      case nodes.NODE_KVM_VM: {
        if (this.#vmFd === undefined) return -ENXIO;
        const lent = this.kernel.adopt?.(this.#vmFd, false) ?? 0;
        if (lent < 0) return lent;
        // The machine opened it, so it is the machine's to close, and it may have done so.
        return this.#handles.add(this.#vmFd, () => {
          this.kernel.giveBack?.(lent);
          return 0;
        });
      }
      default:
        return -EINVAL;
    }
  }

  /** Opens the device's node, unless somebody has put another one in its place. */
  #openCdev(path: string): number {
    const opened = this.kernel.open(path, O_RDWR | O_CLOEXEC);
    const { cdevNumber } = this.#location;
    if (opened < 0 || cdevNumber === undefined) return opened;
    const number = this.kernel.deviceNumber?.(opened) ?? cdevNumber;
    if (number === cdevNumber) return opened;
    this.kernel.close(opened);
    return typeof number === 'number' ? number : -ENXIO;
  }

  /** A descriptor that was opened elsewhere and is closed here, or −errno. */
  #adopt(fd: number): number {
    const result = this.kernel.adopt?.(fd, true) ?? 0;
    return result < 0 ? result : fd;
  }

  #ioctl(handle: number, request: number, argument: number): number {
    const result = this.#translator.ioctl(this.#memory, handle, request, argument);
    if (result < 0) return result;
    // The kernel does not tell which container a group has joined.
    if (request === VFIO_GROUP_SET_CONTAINER) {
      const container = this.#handles.fd(this.#memory.signedWord(argument));
      this.#nodes.join(this.#handles.fd(handle), container);
    }
    if (request === VFIO_GROUP_UNSET_CONTAINER) this.#nodes.leave(this.#handles.fd(handle));
    return this.#translator.returnsHandle(request) ? this.#addDevice(result) : result;
  }
}
