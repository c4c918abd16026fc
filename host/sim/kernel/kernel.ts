import { EACCES, EBADF, EEXIST, EINVAL, EMFILE, ENOENT } from '../../../assembly/abi/linux';
import type { GuestRam } from '../../boundary/guest-ram';
import type {
  Doorbell,
  IoctlArgument,
  Kernel,
  KernelResources,
  WindowMapping,
} from '../../boundary/kernel';
import { Board } from './board';
import { Container } from './container';
import type { KernelContext } from './context';
import { Counters } from './counters';
import { EventFd } from './eventfd';
import { type FaultCall, Faults } from './faults';
import { FdTable } from './fd-table';
import { FileTree } from './file-tree';
import { IommufdFile } from './iommufd';
import { KvmVmFile, SimulatedVm } from './kvm';
import { EISDIR, VFIO_OFFSET_SHIFT } from './numbers';
import type { OpenFile } from './open-file';
import { DEFAULT_KERNEL_OPTIONS, type KernelOptions } from './options';
import { UserMemory } from './user-memory';
import { SignalGate, Watch } from './watch';

const TWO_32 = 0x100000000;
const HIGH_OFFSET_BITS = VFIO_OFFSET_SHIFT - 32;
const HIGH_OFFSET_MASK = (1 << HIGH_OFFSET_BITS) - 1;

/**
 * A virtual Linux 6.12 with VFIO: it answers system calls as the real kernel
 * does, errors included. Nothing throws and nothing depends on time or chance;
 * an exception of a device model is a bug of the model and passes through.
 */
export class SimulatedKernel implements Kernel {
  /** /sys and /dev. */
  readonly sysfs = new FileTree();
  /** Fault injection for all calls; each device has its own besides. */
  readonly faults = new Faults();
  /** The devices; SimulatedHost.addDevice is the way to them. */
  readonly board: Board;
  readonly #context: KernelContext;
  readonly #fds: FdTable;
  readonly #counters = new Counters();
  readonly #memory = new UserMemory();
  readonly #watches = new WeakMap<EventFd, Watch>();
  readonly #gate = new SignalGate();

  constructor(options: KernelOptions = {}) {
    const resolved = { ...DEFAULT_KERNEL_OPTIONS, ...options };
    this.#fds = new FdTable(resolved.openFileLimit);
    this.#context = {
      options: resolved,
      fds: this.#fds,
      memory: this.#memory,
      counters: this.#counters,
    };
    this.board = new Board(this.#context, this.sysfs);
    this.#addFixedNodes(resolved);
  }

  open(path: string, _flags: number): number {
    if (this.faults.armed) {
      const failure = this.faults.failOpen(path);
      if (failure < 0) return failure;
    }
    const node = this.sysfs.lookUp(path);
    if (node === undefined) return -ENOENT;
    if (node.kind === 'directory') return -EISDIR;
    // Reading sysfs through descriptors is not simulated; Sysfs does that.
    if (node.kind !== 'device') return -EACCES;
    if (this.#fds.full) return -EMFILE;
    const file = node.open();
    return typeof file === 'number' ? file : this.#fds.install(file);
  }

  close(fd: number): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    const failure = this.#failCall('close', file);
    return this.#fds.close(fd) || failure;
  }

  ioctl(fd: number, request: number, argument: IoctlArgument): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    const { faults } = file;
    const code = request >>> 0;
    if (!this.faults.armed && !faults?.armed) return file.ioctl(code, argument);
    const failure = faults?.failIoctl(code, argument) || this.faults.failIoctl(code, argument);
    if (failure < 0) return failure;
    let result = file.ioctl(code, argument);
    if (result >= 0 && faults) result = faults.afterIoctl(code, argument, result);
    if (result >= 0) result = this.faults.afterIoctl(code, argument, result);
    return result;
  }

  eventfd(initial: number, flags: number): number {
    const failure = this.#failCall('eventfd', undefined);
    if (failure < 0) return failure;
    if (this.#fds.full) return -EMFILE;
    const file = EventFd.create(this.#counters, initial, flags);
    return typeof file === 'number' ? file : this.#fds.install(file);
  }

  read(fd: number, memory: Uint8Array, pointer: number, length: number): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    let allowed = length >>> 0;
    if (this.#isArmed(file)) {
      allowed = this.#limitTransfer('read', file, allowed, 0, 0);
      if (allowed < 0) return allowed;
    }
    return file.read(memory, pointer >>> 0, allowed);
  }

  write(fd: number, memory: Uint8Array, pointer: number, length: number): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    let allowed = length >>> 0;
    if (this.#isArmed(file)) {
      allowed = this.#limitTransfer('write', file, allowed, 0, 0);
      if (allowed < 0) return allowed;
    }
    return file.write(memory, pointer >>> 0, allowed);
  }

  pread(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    let allowed = length >>> 0;
    if (this.#isArmed(file)) {
      allowed = this.#limitTransfer('pread', file, allowed, offsetLow >>> 0, offsetHigh >>> 0);
      if (allowed < 0) return allowed;
    }
    return file.pread(memory, pointer >>> 0, allowed, offsetLow >>> 0, offsetHigh >>> 0);
  }

  pwrite(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    let allowed = length >>> 0;
    if (this.#isArmed(file)) {
      allowed = this.#limitTransfer('pwrite', file, allowed, offsetLow >>> 0, offsetHigh >>> 0);
      if (allowed < 0) return allowed;
    }
    return file.pwrite(memory, pointer >>> 0, allowed, offsetLow >>> 0, offsetHigh >>> 0);
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
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    const low = offsetLow >>> 0;
    const high = offsetHigh >>> 0;
    if (this.#isArmed(file)) {
      const failure = this.#limitTransfer('mmap', file, 0, low, high);
      if (failure < 0) return failure;
    }
    return file.mmap(memory, pointer >>> 0, length >>> 0, protection, low, high);
  }

  watch(fd: number, doorbell: Doorbell, line: number): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    const failure = this.#failCall('watch', file);
    if (failure < 0) return failure;
    if (!(file instanceof EventFd)) return -EINVAL;
    if (this.#watches.get(file)?.active) return -EEXIST;
    const watch = new Watch(file, doorbell, line, this.#gate, this.#counters);
    this.#watches.set(file, watch);
    watch.wake();
    return 0;
  }

  unwatch(fd: number): number {
    const file = this.#fds.get(fd);
    if (file === undefined) return -EBADF;
    const failure = this.#failCall('unwatch', file);
    if (failure < 0) return failure;
    const watch = file instanceof EventFd ? this.#watches.get(file) : undefined;
    if (!watch?.active) return -ENOENT;
    watch.deliver();
    watch.end();
    return 0;
  }

  addressOf(ram: GuestRam): bigint {
    return this.#memory.addressOf(ram);
  }

  watchDma(ram: GuestRam, listener: (offset: number, length: number) => void): () => void {
    const { buffer, byteOffset, byteLength } = ram.bytes;
    return this.#memory.watchWrites(buffer, (offset, length) => {
      const start = Math.max(offset, byteOffset);
      const end = Math.min(offset + length, byteOffset + byteLength);
      if (start < end) listener(start - byteOffset, end - start);
    });
  }

  /** KVM VMs do not count: the machine brought them and closes them. */
  resources(): KernelResources {
    const { eventfds, mappings, dmaMappings, watches, foreignFds } = this.#counters;
    return { fds: this.#fds.open - foreignFds, eventfds, mappings, dmaMappings, watches };
  }

  /** From now on signals wait in their eventfds, watched or not; see {@link releaseSignals}. */
  holdSignals(): void {
    this.#gate.held = true;
  }

  /** Ends holdSignals: watched eventfds with a count are drained, in ascending order of descriptor. */
  releaseSignals(): void {
    this.#gate.held = false;
    const waiting: Watch[] = [];
    for (const [, file] of this.#fds.entries()) {
      const watch = file instanceof EventFd ? this.#watches.get(file) : undefined;
      if (watch !== undefined) waiting.push(watch);
    }
    for (const watch of waiting) watch.wake();
  }

  /** Puts a buffer at an address of the test's choice, for example one that is not page aligned. */
  placeBuffer(buffer: ArrayBufferLike, address: bigint): void {
    this.#memory.place(buffer, address);
  }

  /**
   * Makes a KVM VM, as a machine with a kernel irqchip would bring it.
   * @param options `irqchip` false: KVM_CREATE_IRQCHIP was not called, KVM_IRQFD answers EAGAIN
   */
  createVm(options: { readonly irqchip?: boolean } = {}): SimulatedVm {
    if (this.#fds.full) throw new Error('too many open files');
    const file = new KvmVmFile(this.#context, options.irqchip ?? true);
    const fd = this.#fds.install(file);
    return new SimulatedVm(fd, file, () => {
      if (this.#fds.get(fd) === file) this.#fds.close(fd);
    });
  }

  #addFixedNodes(options: Required<KernelOptions>): void {
    const tree = this.sysfs;
    tree.addDevice('/dev/vfio/vfio', () => new Container(this.#context));
    tree.addDirectory('/dev/vfio/devices');
    if (options.iommufd) tree.addDevice('/dev/iommu', () => new IommufdFile(this.#context));
    for (const bus of ['platform', 'amba']) {
      tree.addDirectory(`/sys/bus/${bus}/devices`);
      tree.addDirectory(`/sys/bus/${bus}/drivers/vfio-${bus}`);
    }
    tree.addDirectory('/sys/kernel/iommu_groups');
    const parameters: [string, boolean][] = [
      ['vfio/parameters/enable_unsafe_noiommu_mode', options.unsafeNoiommu],
      ['vfio_iommu_type1/parameters/allow_unsafe_interrupts', options.unsafeInterrupts],
    ];
    for (const [path, on] of parameters) tree.addFile(`/sys/module/${path}`, on ? 'Y\n' : 'N\n');
  }

  #isArmed(file: OpenFile): boolean {
    return this.faults.armed || (file.faults?.armed ?? false);
  }

  #failCall(call: FaultCall, file: OpenFile | undefined): number {
    return file?.faults?.failCall(call) || this.faults.failCall(call);
  }

  #limitTransfer(
    call: FaultCall,
    file: OpenFile,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number {
    const region = offsetHigh >>> HIGH_OFFSET_BITS;
    const offset = (offsetHigh & HIGH_OFFSET_MASK) * TWO_32 + offsetLow;
    let allowed = length;
    if (file.faults) allowed = file.faults.limitTransfer(call, allowed, region, offset);
    if (allowed < 0) return allowed;
    return this.faults.limitTransfer(call, allowed, region, offset);
  }
}
