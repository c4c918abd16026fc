import type { GuestRam } from '../boundary/guest-ram';
import type { Clock } from '../time/clock';

/**
 * The contract between this package and a machine emulator: what an adapter
 * implements. Duties that the types cannot express:
 *
 * - Accesses arrive with the width and offset that the guest used. Where the
 *   emulator cannot tell, `capabilities` says so.
 * - `up()` and `down()` may be called at any time, also inside an MMIO handler;
 *   a machine that cannot take an interrupt there latches it.
 * - A machine may run guest code inside `up()`, and so access the device again.
 * - The safe point is called often while the guest runs (at most some tens of
 *   microseconds of guest time apart) and also when it is idle.
 */
export interface Machine {
  readonly name: string;
  readonly capabilities: MachineCapabilities;
  /** Guest time; what a timer of the device counts in. */
  readonly clock: Clock;
  /**
   * Sends guest accesses of `[base, base + size)` to `handler`. Throws when
   * the range is taken, misaligned or outside what the machine can map.
   * @returns takes the range away again; idempotent
   */
  mapMmio(base: number, size: number, handler: MmioHandler): () => void;
  /** Input `number` of the interrupt controller; throws when there is none. */
  line(number: number): MachineLine;
  /**
   * Calls `poll` at every safe point of the run loop.
   * @returns ends that; idempotent
   */
  onSafePoint(poll: () => void): () => void;
  /** Wakes a machine that sleeps in its event loop, so that it soon reaches a safe point. */
  wake(): void;
  /** RAM that devices may reach by DMA, or none. */
  readonly guestRam: readonly GuestRamBlock[];
  /**
   * Tells `listener` when the guest completes (EOIs) an interrupt input; only
   * with `capabilities.reportsEoi`.
   * @returns ends that; idempotent
   */
  onEoi?(listener: (line: number) => void): () => void;
  /**
   * Where the machine can be reset (the guest reboots, the reset button): calls
   * `listener` when it is, so that devices are reset with it.
   * @returns ends that; idempotent
   */
  onReset?(listener: () => void): () => void;
  /**
   * Where the machine saves and restores its state as a whole: makes `part` go
   * with it, under a name that is unique in the machine.
   * @returns ends that; idempotent
   */
  keepInState?(name: string, part: StatePart): () => void;
  /**
   * Where the emulator's state can be kept as a whole and brought back: keeps it
   * as it is now, between two instructions of the guest.
   * @throws with the reason, where that is not possible now
   */
  keepState?(): KeptState;
  /**
   * Lets the guest reach the range of `handler` without calling it, or stops
   * that; only with `capabilities.directMapping`. It is on after mapMmio().
   */
  setDirectMapping?(handler: MmioHandler, on: boolean): void;
}

export interface MachineCapabilities {
  /** The machine can let the guest reach device memory without calling the handlers. */
  readonly directMapping: boolean;
  /** The same inputs give the same run, bit for bit: time is virtual. */
  readonly deterministic: boolean;
  /** The machine reports when the guest completes an interrupt (`onEoi`). */
  readonly reportsEoi: boolean;
  /** Widths in bytes at which guest reads arrive exactly as the guest made them. */
  readonly exactReadWidths: readonly number[];
  /** The same for writes. */
  readonly exactWriteWidths: readonly number[];
  /** `base` and `size` of a mapping must be multiples of this many bytes. */
  readonly mmioGranule: number;
  /** First and last usable interrupt input. */
  readonly lines: readonly [first: number, last: number];
  /** Whether a line raised inside an MMIO handler is taken at once or later. */
  readonly raiseInHandler: 'immediate' | 'latched';
}

/** Receives the guest accesses of one mapped range; offsets count from its base. */
export interface MmioHandler {
  /** @returns the value, 0 … 2^(8·width) − 1, all ones where nothing answers */
  read(offset: number, width: number): number;
  write(offset: number, width: number, value: number): void;
  /**
   * A write of 8 bytes. Where a handler has none, a machine makes two writes of
   * 4 of it, the lower first.
   */
  write64?(offset: number, value: bigint): void;
}

/** One input of the machine's interrupt controller, owned by one device. */
export interface MachineLine {
  up(): void;
  down(): void;
  /** An edge: up, then down, seen once by an edge-triggered input. */
  pulse(): void;
}

/** The state of a machine at one time: memories, registers, interrupts, time and timers. */
export interface KeptState {
  /**
   * Brings the same machine back to that time; any number of times. Timers of its
   * clock run, and their handles work, as they did then. What is mapped and
   * connected now stays so.
   */
  restore(): void;
}

/** What a device adds to the saved states of its machine. */
export interface StatePart {
  save(): Uint8Array;
  /** @param state what save() gave; undefined when the machine's state was saved without the device */
  restore(state: Uint8Array | undefined): void;
}

/** Guest RAM and where the guest sees it. */
export interface GuestRamBlock extends GuestRam {
  /** Guest physical address, which is also the device's I/O virtual address. */
  readonly guestAddress: number;
  readonly writable: boolean;
}
