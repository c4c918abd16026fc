import type { Machine } from '../contract';

/** One access that the guest program makes. */
export interface GuestAccess {
  readonly direction: 'read' | 'write';
  /** Bytes; `address` is a multiple of it. */
  readonly width: 1 | 2 | 4;
  /** Guest physical. */
  readonly address: number;
  /** What to write. */
  readonly value?: number;
}

/** An interrupt input that the guest program takes interrupts from. */
export interface GuestInput {
  readonly input: number;
  readonly trigger: 'level' | 'edge';
  /** Where the handler writes 1, with 4 bytes, each time; undefined: nowhere. */
  readonly clear?: number;
}

/**
 * What the guest does: it enables its inputs, makes the accesses in order, over
 * and over if `repeat` says so, and is idle for good. Its handlers count, per input, and write to `clear`.
 */
export interface GuestProgram {
  readonly inputs?: readonly GuestInput[];
  readonly accesses?: readonly GuestAccess[];
  /** Times that it makes all accesses, in a loop; 1 unless given. */
  readonly repeat?: number;
  /** 'busy': runs an empty loop; 'halted': waits for interrupts. */
  readonly idle?: 'busy' | 'halted';
}

/** A machine with a guest that carries out a {@link GuestProgram}. */
export interface ConformanceTarget {
  readonly machine: Machine;
  /** Starts the guest; called once. */
  start(program: GuestProgram): void;
  /**
   * Lets the guest run until `condition` holds, looking at it every now and
   * then, and leaves the event loop its turn meanwhile if the machine needs that.
   * @returns false when that took longer than the guest can possibly need
   */
  runUntil(condition: () => boolean): Promise<boolean>;
  /** The guest has made all its accesses. */
  readonly finished: boolean;
  /** What access number `index` has read, 0 … 2^(8·width) − 1. */
  result(index: number): number;
  /** Times that the guest's handler for `input` has run. */
  handled(input: number): number;
  /**
   * Where the machine has onReset(): makes the guest reboot, as its reset button
   * does. Called before the start; without it, what is about that is left out.
   */
  reset?(): void | Promise<void>;
  /**
   * Where the machine has keepInState(): its whole state, and back to one. Called
   * before the start; without both, what is about that is left out.
   */
  save?(): unknown;
  restore?(state: unknown): void | Promise<void>;
  /** Ends the machine. */
  dispose?(): void | Promise<void>;
}

/** What the conformance suite needs to know of an emulator. */
export interface ConformanceSubject {
  /** A new machine, which nothing has been plugged into. */
  create(): ConformanceTarget | Promise<ConformanceTarget>;
  /** Start of 64 KiB where devices can be, a multiple of 64 KiB. */
  readonly base: number;
  /** An input that the guest can have as a level; without it, what is about levels is left out. */
  readonly levelInput?: number;
  /** An input that the guest can have as an edge; without it, what is about edges is left out. */
  readonly edgeInput?: number;
  /** A word of guest RAM that the guest program does not need; without it, what is about RAM is left out. */
  readonly ramAddress?: number;
}

/** One duty of the contract. */
export interface ConformanceCheck {
  readonly name: string;
  /** @throws ConformanceError when the machine does not do its duty */
  run(): Promise<void>;
}

/** A machine breaks the contract; the message says how. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
}

/** A check before it knows its subject. */
export interface Duty {
  readonly name: string;
  /** What of the subject it needs. */
  readonly needs?: keyof ConformanceSubject;
  check(target: ConformanceTarget, subject: ConformanceSubject): Promise<void> | void;
}

/** @throws ConformanceError unless `held` */
export function must(held: boolean, otherwise: string): asserts held {
  if (!held) throw new ConformanceError(otherwise);
}

export function same(got: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  must(a === b, `${what}: expected ${b}, got ${a}`);
}

/** @throws ConformanceError when `condition` does not come about */
export async function reach(
  target: ConformanceTarget,
  condition: () => boolean,
  what: string,
): Promise<void> {
  must(await target.runUntil(condition), `${what} did not come about`);
}

/** @throws ConformanceError unless `call` throws */
export async function refused(call: () => unknown, what: string): Promise<void> {
  let threw = false;
  try {
    await call();
  } catch {
    threw = true;
  }
  must(threw, `${what} was not refused`);
}

/** Lets the guest run for a while in which nothing shall happen: some safe points. */
export async function settle(target: ConformanceTarget, safePoints = 20): Promise<void> {
  let left = safePoints;
  const stop = target.machine.onSafePoint(() => {
    left--;
    // Sleeping machines come to none by themselves.
    if (left > 0) target.machine.wake();
  });
  target.machine.wake();
  await reach(target, () => left <= 0, `${safePoints} safe points`);
  stop();
}
