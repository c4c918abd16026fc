import {
  KVM_IRQFD,
  KVM_IRQFD_FD,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQFD_FLAG_RESAMPLE,
  KVM_IRQFD_FLAGS,
  KVM_IRQFD_GSI,
  KVM_IRQFD_RESAMPLEFD,
  KVM_IRQFD_SIZE,
} from '../../../assembly/abi/kvm';
import { EAGAIN, EBUSY, EFAULT, EINVAL, ENOTTY } from '../../../assembly/abi/linux';
import type { IoctlArgument } from '../../boundary/kernel';
import type { KernelContext } from './context';
import type { EventFd, EventfdWaiter } from './eventfd';
import { KVM_CAP_IRQFD, KVM_CAP_IRQFD_RESAMPLE, KVM_CHECK_EXTENSION } from './numbers';
import { OpenFile } from './open-file';
import { eventfdOf } from './set-irqs';
import { getU32, hasBytes } from './user-struct';

/** Called when an input of the irqchip goes up or down; a pulse is up, then down. */
export type GsiListener = (gsi: number, level: boolean) => void;

/** One irqfd: signals of an eventfd become interrupts, without the host process. */
class Irqfd implements EventfdWaiter {
  readonly eventfd: EventFd;
  readonly gsi: number;
  readonly resamplefd: EventFd | undefined;
  readonly #vm: KvmVmFile;
  #ended = false;

  constructor(vm: KvmVmFile, eventfd: EventFd, gsi: number, resamplefd: EventFd | undefined) {
    this.#vm = vm;
    this.eventfd = eventfd;
    this.gsi = gsi;
    this.resamplefd = resamplefd;
    // KVM drains the eventfd before anybody else sees the signal.
    eventfd.addWaiter(this, true);
  }

  wake(): void {
    if (this.#ended || this.eventfd.drain() === 0) return;
    this.#vm.inject(this);
  }

  hangUp(): void {
    this.#vm.shutDown(this);
  }

  end(): void {
    this.#ended = true;
    this.eventfd.removeWaiter(this);
  }
}

/** An open KVM VM, as far as irqfds go (virt/kvm/eventfd.c). */
export class KvmVmFile extends OpenFile {
  readonly #context: KernelContext;
  readonly #irqchip: boolean;
  readonly #raised = new Set<number>();
  readonly #injections = new Map<number, number>();
  #irqfds: readonly Irqfd[] = [];
  listener: GsiListener | undefined;

  constructor(context: KernelContext, irqchip: boolean) {
    super();
    this.#context = context;
    this.#irqchip = irqchip;
    context.counters.foreignFds++;
  }

  get irqfds(): number {
    return this.#irqfds.length;
  }

  level(gsi: number): boolean {
    return this.#raised.has(gsi);
  }

  injections(gsi: number): number {
    return this.#injections.get(gsi) ?? 0;
  }

  /** The guest completes an interrupt: its input goes down, then the resample eventfds are signalled. */
  eoi(gsi: number): void {
    this.#set(gsi, false);
    for (const irqfd of this.#irqfds) if (irqfd.gsi === gsi) irqfd.resamplefd?.signal();
  }

  override ioctl(request: number, argument: IoctlArgument): number {
    if (request === KVM_CHECK_EXTENSION) {
      const { value } = argument;
      return value === KVM_CAP_IRQFD || value === KVM_CAP_IRQFD_RESAMPLE ? 1 : 0;
    }
    return request === KVM_IRQFD ? this.#irqfd(argument) : -ENOTTY;
  }

  /** A resampled irqfd raises its input until the EOI; another one pulses it. */
  inject(irqfd: Irqfd): void {
    const { gsi } = irqfd;
    this.#injections.set(gsi, this.injections(gsi) + 1);
    if (irqfd.resamplefd !== undefined) {
      this.#set(gsi, true);
    } else {
      this.listener?.(gsi, true);
      this.listener?.(gsi, false);
    }
  }

  shutDown(irqfd: Irqfd): void {
    irqfd.end();
    this.#irqfds = this.#irqfds.filter((other) => other !== irqfd);
    const shared = this.#irqfds.some(
      (other) => other.gsi === irqfd.gsi && other.resamplefd !== undefined,
    );
    if (irqfd.resamplefd !== undefined && !shared) this.#set(irqfd.gsi, false);
  }

  protected release(): void {
    for (const irqfd of this.#irqfds) irqfd.end();
    this.#irqfds = [];
    this.#context.counters.foreignFds--;
  }

  #set(gsi: number, level: boolean): void {
    if (this.#raised.has(gsi) === level) return;
    if (level) this.#raised.add(gsi);
    else this.#raised.delete(gsi);
    this.listener?.(gsi, level);
  }

  #irqfd(argument: IoctlArgument): number {
    if (!hasBytes(argument, KVM_IRQFD_SIZE)) return -EFAULT;
    const { bytes } = argument;
    const flags = getU32(bytes, KVM_IRQFD_FLAGS);
    if ((flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE)) !== 0) return -EINVAL;
    const gsi = getU32(bytes, KVM_IRQFD_GSI);
    const eventfd = eventfdOf(getU32(bytes, KVM_IRQFD_FD) | 0, this.#context.fds);
    if ((flags & KVM_IRQFD_FLAG_DEASSIGN) !== 0) {
      return typeof eventfd === 'number' ? eventfd : this.#deassign(eventfd, gsi);
    }
    if (!this.#irqchip) return -EAGAIN;
    if (typeof eventfd === 'number') return eventfd;
    let resamplefd: EventFd | undefined;
    if ((flags & KVM_IRQFD_FLAG_RESAMPLE) !== 0) {
      const other = eventfdOf(getU32(bytes, KVM_IRQFD_RESAMPLEFD) | 0, this.#context.fds);
      if (typeof other === 'number') return other;
      resamplefd = other;
    }
    if (this.#irqfds.some((irqfd) => irqfd.eventfd === eventfd)) return -EBUSY;
    const irqfd = new Irqfd(this, eventfd, gsi, resamplefd);
    this.#irqfds = [...this.#irqfds, irqfd];
    // Signals from before are not missed; they stay in the counter until the next one.
    if (eventfd.count > 0) this.inject(irqfd);
    return 0;
  }

  /** No irqfd of that kind is no error. */
  #deassign(eventfd: EventFd, gsi: number): number {
    for (const irqfd of this.#irqfds) {
      if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) this.shutDown(irqfd);
    }
    return 0;
  }
}

/** A simulated KVM virtual machine with an irqchip, for machines that take interrupts in the kernel. */
export class SimulatedVm {
  /** The VM's descriptor, for KVM_IRQFD. */
  readonly fd: number;
  readonly #file: KvmVmFile;
  readonly #close: () => void;

  /** @internal use SimulatedKernel.createVm */
  constructor(fd: number, file: KvmVmFile, close: () => void) {
    this.fd = fd;
    this.#file = file;
    this.#close = close;
  }

  /** irqfds that are assigned now. */
  get irqfds(): number {
    return this.#file.irqfds;
  }

  /** Whether a resampled input is up. Other inputs are only pulsed and are never seen up. */
  level(gsi: number): boolean {
    return this.#file.level(gsi);
  }

  /** Times that irqfds raised or pulsed an input. */
  injections(gsi: number): number {
    return this.#file.injections(gsi);
  }

  /** The guest completes the interrupt `gsi`: it goes down, and whoever resamples it is told. */
  eoi(gsi: number): void {
    this.#file.eoi(gsi);
  }

  /** Tells `listener` whenever an input changes; undefined ends that. */
  onLevel(listener: GsiListener | undefined): void {
    this.#file.listener = listener;
  }

  /** Closes the VM's descriptor. Idempotent. */
  close(): void {
    this.#close();
  }
}
