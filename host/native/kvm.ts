import { EACCES, ENOENT, ENXIO } from '../../assembly/abi/linux';
import { errnoName, VfioError } from '../errors';
import { type Addon, type KvmFailure, loadAddon } from './addon';

/** Chips of the irqchip that KVM gives a PC. */
const IOAPIC = 2;
const STATE_BYTES = 512;
/** struct kvm_ioapic_state: base address, register select and id come first. */
const IOAPIC_IRR = 16;
const IOAPIC_REDIRECTION = 24;
const PINS = 24;

/** KVM_EXIT_IO, KVM_EXIT_HLT and KVM_EXIT_SHUTDOWN (linux/kvm.h). */
const EXITS: Readonly<Record<number, KvmExit['reason']>> = { 2: 'io', 5: 'halt', 8: 'shutdown' };

/** Why the guest stopped running. */
export interface KvmExit {
  /** 'io': an access to a port; 'halt': only without an irqchip; 'other': see `code`. */
  readonly reason: 'io' | 'halt' | 'shutdown' | 'other';
  /** KVM's number of the reason (linux/kvm.h). */
  readonly code: number;
  /** Of an access: the port, bytes, direction, and the value written. */
  readonly port: number;
  readonly size: number;
  readonly write: boolean;
  readonly value: number;
}

export interface KvmVmOptions {
  /** Whether the VM has the in-kernel irqchip; true unless given. Irqfds need it. */
  readonly irqchip?: boolean;
  /** Bytes of guest RAM at address 0, whole pages; 64 KiB unless given. */
  readonly memoryBytes?: number;
}

function permission(errno: number): string {
  if (errno === ENOENT || errno === ENXIO) {
    return 'load kvm and the module of this processor, or leave the kernel irqchip out';
  }
  if (errno === EACCES) return "give this user access to /dev/kvm (its group 'kvm')";
  return 'leave the kernel irqchip out: the device works without it';
}

/**
 * A KVM virtual machine with the in-kernel irqchip of a PC (two PICs and an
 * IOAPIC with 24 inputs): what irqfds deliver to (spec S8). Its `fd` goes into
 * the wiring of plug() as `vmFd`. x86-64 only.
 */
export class KvmVm {
  /** Descriptor of the VM. */
  readonly fd: number;
  /** Guest RAM, at guest physical address 0. */
  readonly memory: Uint8Array;
  readonly #addon: Addon;
  #open = true;

  /** @throws VfioError KVM_UNAVAILABLE, NATIVE_UNAVAILABLE */
  constructor(options: KvmVmOptions = {}) {
    this.#addon = loadAddon();
    const { irqchip = true, memoryBytes = 0x10000 } = options;
    if (!this.#addon.kvmCreate) {
      throw new VfioError(
        'KVM_UNAVAILABLE',
        `there is no irqchip of KVM for ${process.arch} here, only for x64; leave the kernel irqchip out`,
      );
    }
    const made = this.#addon.kvmCreate(irqchip, memoryBytes);
    if ('step' in made) throw this.#error('make a VM', made);
    this.fd = made.fd;
    this.memory = new Uint8Array(made.memory);
  }

  /** KVM_CHECK_EXTENSION: 0 when KVM does not have `capability`. */
  extension(capability: number): number {
    return this.#check('KVM_CHECK_EXTENSION', this.#addon.kvmExtension?.(this.fd, capability));
  }

  /** KVM_GET_IRQCHIP: the 512 bytes of chip 0 or 1 (PIC master, slave) or 2 (IOAPIC). */
  irqchip(chip: number): Uint8Array {
    const state = new Uint8Array(STATE_BYTES);
    this.#check('KVM_GET_IRQCHIP', this.#addon.kvmGetIrqchip?.(this.fd, chip, state));
    return state;
  }

  /** KVM_SET_IRQCHIP. */
  setIrqchip(chip: number, state: Uint8Array): void {
    this.#check('KVM_SET_IRQCHIP', this.#addon.kvmSetIrqchip?.(this.fd, chip, state));
  }

  /** Whether the IOAPIC's input `gsi` (0 … 23) is requested. */
  level(gsi: number): boolean {
    const state = new DataView(this.irqchip(IOAPIC).buffer);
    return ((state.getUint32(IOAPIC_IRR, true) >>> gsi) & 1) !== 0;
  }

  /** Programs the IOAPIC's input `gsi` (0 … 23) with a raw redirection entry. */
  redirect(gsi: number, entry: bigint): void {
    if (!(Number.isInteger(gsi) && gsi >= 0 && gsi < PINS)) {
      throw new VfioError('OPTION_INVALID', `the IOAPIC has inputs 0 to ${PINS - 1}, not ${gsi}`);
    }
    const state = this.irqchip(IOAPIC);
    new DataView(state.buffer).setBigUint64(IOAPIC_REDIRECTION + 8 * gsi, entry, true);
    this.setIrqchip(IOAPIC, state);
  }

  /** Makes the processor, in real mode at 0:`ip`. */
  createVcpu(ip: number): void {
    const failure = this.#addon.kvmCreateVcpu?.(this.fd, ip);
    if (failure) throw this.#error('make a processor', failure);
  }

  /**
   * Runs the guest until it accesses a port or stops. The call waits as long as
   * the guest does: with an irqchip, a guest that halts waits inside KVM, and
   * this thread with it, until an interrupt arrives.
   */
  run(): KvmExit {
    const exit = this.#addon.kvmRun?.(this.fd) ?? -ENXIO;
    if (typeof exit === 'number') throw this.#error('run', { step: 'KVM_RUN', errno: -exit });
    return { ...exit, code: exit.reason, reason: EXITS[exit.reason] ?? 'other' };
  }

  /** Closes the VM. Idempotent. Devices that use its irqchip should be closed first. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#addon.kvmClose?.(this.fd);
  }

  #check(step: string, result = -ENXIO): number {
    if (result < 0) throw this.#error('use its irqchip', { step, errno: -result });
    return result;
  }

  #error(what: string, { step, errno }: KvmFailure): VfioError {
    return new VfioError(
      'KVM_UNAVAILABLE',
      `KVM cannot ${what}: ${step} says ${errnoName(errno)}; ${permission(errno)}`,
      { errno, syscall: step },
    );
  }
}
