import type { Clock, TimerHandle } from '../../time/clock';
import type { DueWork } from './run-loop';

interface Timer {
  readonly dueNs: number;
  readonly fire: () => void;
}

/**
 * v86's time: the wall clock, from its own source, counted from when the
 * machine was made.
 *
 * Timers fire at the first safe point at or after their due time, in order of
 * due time, then of creation; so they wait while the emulator is stopped. Safe
 * points are up to some milliseconds apart, and what was due in between is not
 * made up for: a UART that sends faster than that is slowed down, instead of
 * overrunning a guest that cannot run in between.
 */
export class V86Clock implements Clock, DueWork {
  /** Called when a new timer comes before all others. */
  onSooner: (() => void) | undefined;
  readonly #microtick: () => number;
  readonly #startMs: number;
  readonly #timers: Timer[] = [];
  #lastNs = 0;

  constructor(microtick: () => number) {
    this.#microtick = microtick;
    this.#startMs = microtick();
  }

  nowNs(): number {
    const nowNs = (this.#microtick() - this.#startMs) * 1e6;
    if (nowNs > this.#lastNs) this.#lastNs = nowNs;
    return this.#lastNs;
  }

  /** @throws RangeError unless `delayNs` is 0 or more and finite */
  setTimer(delayNs: number, fire: () => void): TimerHandle {
    if (!(delayNs >= 0) || delayNs === Number.POSITIVE_INFINITY) {
      throw new RangeError(`timer delay must be finite and 0 ns or more, got ${delayNs}`);
    }
    const timer: Timer = { dueNs: this.nowNs() + delayNs, fire };
    let position = this.#timers.length;
    while (position > 0 && (this.#timers[position - 1] as Timer).dueNs > timer.dueNs) position--;
    this.#timers.splice(position, 0, timer);
    if (position === 0) this.onSooner?.();
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  runDue(): void {
    if (this.#timers.length === 0) return;
    // A timer that is set meanwhile waits for the next safe point: one without delay must not hold the guest up.
    const untilNs = this.nowNs();
    for (let next = this.#timers[0]; next && next.dueNs <= untilNs; next = this.#timers[0]) {
      this.#timers.shift();
      next.fire();
    }
  }

  nextInMs(): number {
    const next = this.#timers[0];
    return next ? Math.max(0, (next.dueNs - this.nowNs()) / 1e6) : Number.POSITIVE_INFINITY;
  }

  /** Forgets all timers. */
  detach(): void {
    this.#timers.length = 0;
  }
}
