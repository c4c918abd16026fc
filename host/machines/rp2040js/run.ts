import { patch } from '../patch';
import { requireMembers } from './internals';
import type { Rp2040Machine } from './machine';

/** Where flash starts, and the vector table of an image in it. */
export const FLASH_BASE = 0x1000_0000;

/** rp2040js counts one cycle as this, whatever the guest sets its clocks to: 125 MHz. */
const CYCLE_NS = 8;

/** What {@link runUntilPaced} lets the guest catch up. */
const MOST_BEHIND_NS = 50_000_000;

/** What stopped a run before its condition was met. */
export type GuestRunProblem = 'limit' | 'asleep' | 'breakpoint';

/** Thrown by the functions that run the guest. */
export class GuestRunError extends Error {
  override readonly name = 'GuestRunError';

  constructor(
    message: string,
    readonly problem: GuestRunProblem,
    /** Virtual time at which the run stopped. */
    readonly nowNs: number,
    /** Address of the guest's next instruction. */
    readonly pc: number,
  ) {
    super(`${message}, at ${nowNs} ns, PC 0x${pc.toString(16)}`);
  }
}

/**
 * Puts a flash image into a chip that has not run yet, ready to execute its
 * reset handler. Word 0 of the image is the initial stack pointer, word 1 the
 * reset handler, as in any Cortex-M vector table. SRAM is left as it is.
 * @throws RangeError when the image cannot be one
 */
export function bootFirmware(machine: Rp2040Machine, image: Uint8Array): void {
  const { chip } = machine;
  if (image.length < 8 || image.length > chip.flash.length) {
    throw new RangeError(`a flash image has 8 … ${chip.flash.length} bytes, got ${image.length}`);
  }
  const words = new DataView(image.buffer, image.byteOffset, 8);
  // The core takes its registers from the vector table at VTOR, and a reset erases the flash.
  chip.core.VTOR = 0;
  chip.loadBootrom(new Uint32Array([words.getUint32(0, true), words.getUint32(4, true)]));
  chip.flash.set(image);
  chip.core.VTOR = FLASH_BASE;
}

/**
 * Runs the guest, in virtual time and without returning to the event loop,
 * until `predicate` is true; it is asked before each instruction and after each
 * step of a sleep. Same guest, same inputs: same run.
 * @returns the virtual time that went by, in nanoseconds
 * @throws GuestRunError when `limitNs` of virtual time went by, when the guest
 * sleeps (WFI) and nothing is due that could wake it, or at a breakpoint
 */
export function runUntil(
  machine: Rp2040Machine,
  predicate: () => boolean,
  limitNs: number,
): number {
  const startNs = machine.clock.nowNs();
  const end = execute(machine, predicate, limitNs, 'end-at-sleep');
  if (end !== 'condition') throw stopped(machine, end, limitNs);
  return machine.clock.nowNs() - startNs;
}

/**
 * Runs the guest for `durationNs` of virtual time (to the end of the
 * instruction), also through a sleep that nothing ends.
 * @throws GuestRunError at a breakpoint
 */
export function runFor(machine: Rp2040Machine, durationNs: number): void {
  const end = execute(machine, () => false, durationNs, 'sleep-on');
  if (end === 'breakpoint') throw stopped(machine, end, durationNs);
}

/**
 * Runs the guest until `predicate` is true or `limitNs` of virtual time went by,
 * also through a sleep that nothing ends; otherwise as {@link runUntil}.
 * @returns whether `predicate` ended it
 * @throws GuestRunError at a breakpoint
 */
export function runToLimit(
  machine: Rp2040Machine,
  predicate: () => boolean,
  limitNs: number,
): boolean {
  const end = execute(machine, predicate, limitNs, 'sleep-on');
  if (end === 'breakpoint') throw stopped(machine, end, limitNs);
  return end === 'condition';
}

/**
 * Like {@link runUntil}, but keeps the guest's time from running ahead of the
 * host's, for devices that are real. Yields to the event loop after every
 * `sliceNs` of virtual time, 1 ms unless given; a guest that sleeps costs next
 * to nothing, and goes on at once when the machine is woken. A guest that is
 * more than 50 ms behind, because the host is too slow for it, stays that far
 * behind: were it to catch up while it sleeps, its time would race past that of
 * the devices.
 * @throws GuestRunError as {@link runUntil} does, but a sleep may last
 */
export async function runUntilPaced(
  machine: Rp2040Machine,
  predicate: () => boolean,
  limitNs: number,
  sliceNs = 1_000_000,
): Promise<number> {
  const startNs = machine.clock.nowNs();
  let startMs = performance.now();
  for (;;) {
    const elapsedNs = machine.clock.nowNs() - startNs;
    const behindNs = (performance.now() - startMs) * 1e6 - elapsedNs;
    if (behindNs > MOST_BEHIND_NS) startMs += (behindNs - MOST_BEHIND_NS) / 1e6;
    const budgetNs = Math.min(Math.max(behindNs, 0), sliceNs, limitNs - elapsedNs);
    const end = execute(machine, predicate, budgetNs, 'sleep-on');
    if (end === 'condition') return machine.clock.nowNs() - startNs;
    if (end === 'breakpoint') throw stopped(machine, end, limitNs);
    if (machine.clock.nowNs() - startNs >= limitNs) throw stopped(machine, 'limit', limitNs);
    await (behindNs > sliceNs ? nextTurn() : wokenOrTimeout(machine));
  }
}

type End = 'condition' | 'limit' | 'asleep' | 'breakpoint';

/** The run loop. It keeps rp2040js's own time (`Simulator.execute`), so that both make the same run. */
function execute(
  machine: Rp2040Machine,
  predicate: () => boolean,
  durationNs: number,
  whenAsleep: 'sleep-on' | 'end-at-sleep',
): End {
  const { chip } = machine;
  const { core } = chip;
  const clock = tickable(machine);
  const endNs = clock.nanos + durationNs;
  let atBreakpoint = false;
  const restore = patch(chip, 'onBreak', (original) => (code) => {
    atBreakpoint = true;
    original.call(chip, code);
  });
  try {
    for (;;) {
      if (predicate()) return 'condition';
      if (atBreakpoint) return 'breakpoint';
      if (clock.nanos >= endNs) return 'limit';
      if (!core.waiting) {
        clock.tick(core.executeInstruction() * CYCLE_NS);
      } else if (core.checkForInterrupts()) {
        // What was pending before the WFI, or is a SysTick, rp2040js would sleep through.
        core.waiting = false;
      } else {
        // 0 means that an alarm is due now, or that there is none.
        clock.tick(Math.min(clock.nanosToNextAlarm, endNs - clock.nanos));
        if (core.waiting && clock.nanosToNextAlarm === 0) {
          if (whenAsleep === 'end-at-sleep') return 'asleep';
          clock.tick(endNs - clock.nanos);
        }
      }
    }
  } finally {
    restore();
  }
}

function stopped(machine: Rp2040Machine, problem: GuestRunProblem, limitNs: number): GuestRunError {
  const messages = {
    limit: `The guest did not get there within ${limitNs} ns of virtual time`,
    asleep: 'The guest sleeps and nothing is due that could wake it',
    breakpoint: 'The guest hit a breakpoint',
  };
  const { core, clock } = machine.chip;
  return new GuestRunError(messages[problem], problem, clock.nanos, core.PC);
}

interface TickableClock {
  readonly nanos: number;
  /** 0 when there is no alarm. */
  readonly nanosToNextAlarm: number;
  tick(deltaNs: number): void;
}

function tickable(machine: Rp2040Machine): TickableClock {
  const { clock } = machine.chip;
  requireMembers(clock, 'RP2040.clock', { tick: 'function', nanosToNextAlarm: 'number' });
  return clock as unknown as TickableClock;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

function wokenOrTimeout(machine: Rp2040Machine): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      ignore();
      resolve();
    };
    const timer = setTimeout(done, 1);
    const ignore = machine.onWake(done);
  });
}
