import type { Clock, TimerHandle } from '../../time/clock';
import type { Rp2040Chip } from './internals';

interface Timer {
  readonly dueNs: number;
  readonly fire: () => void;
}

/**
 * The chip's virtual time. Timers fire at exactly their due time (`nowNs()` in
 * `fire` is the due time, nothing is rounded), in order of due time, then of
 * creation; the guest sees what they did after the instruction that it is in.
 * Within an MMIO access the time is that of the start of the instruction. One
 * alarm of rp2040js serves all timers; without timers there is none.
 */
export class Rp2040Clock implements Clock {
  readonly #clock: Rp2040Chip['clock'];
  readonly #alarm: ReturnType<Rp2040Chip['clock']['createAlarm']>;
  readonly #timers: Timer[] = [];

  constructor(chip: Rp2040Chip) {
    this.#clock = chip.clock;
    this.#alarm = chip.clock.createAlarm(() => this.#fireDue());
  }

  nowNs(): number {
    return this.#clock.nanos;
  }

  /** @throws RangeError unless `delayNs` is 0 or more and finite */
  setTimer(delayNs: number, fire: () => void): TimerHandle {
    if (!(delayNs >= 0) || delayNs === Number.POSITIVE_INFINITY) {
      throw new RangeError(`timer delay must be finite and 0 ns or more, got ${delayNs}`);
    }
    const timer: Timer = { dueNs: this.#clock.nanos + delayNs, fire };
    let position = this.#timers.length;
    while (position > 0 && (this.#timers[position - 1] as Timer).dueNs > timer.dueNs) position--;
    this.#timers.splice(position, 0, timer);
    if (position === 0) this.#arm();
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index < 0) return;
        this.#timers.splice(index, 1);
        if (index === 0) this.#arm();
      },
    };
  }

  /** Keeps which timers run; the alarm behind them is a part of the chip. */
  keepTimers(): () => void {
    const timers = [...this.#timers];
    return () => {
      this.#timers.splice(0, this.#timers.length, ...timers);
    };
  }

  /** Forgets all timers. */
  detach(): void {
    this.#timers.length = 0;
    this.#alarm.cancel();
  }

  #arm(): void {
    const next = this.#timers[0];
    if (next) this.#alarm.schedule(Math.max(0, next.dueNs - this.#clock.nanos));
    else this.#alarm.cancel();
  }

  #fireDue(): void {
    const next = this.#timers[0];
    if (next && next.dueNs <= this.#clock.nanos) {
      this.#timers.shift();
      try {
        next.fire();
      } finally {
        this.#arm();
      }
    } else {
      this.#arm();
    }
  }
}
