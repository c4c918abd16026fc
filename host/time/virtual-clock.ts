import type { Clock, TimerHandle } from './clock';

interface Timer {
  readonly dueNs: number;
  readonly sequence: number;
  readonly fire: () => void;
}

/** Time that stands still until told to go on. Timers fire in order of due time, then of creation. */
export class VirtualClock implements Clock {
  #nowNs = 0;
  #sequence = 0;
  #timers: Timer[] = [];

  nowNs(): number {
    return this.#nowNs;
  }

  setTimer(delayNs: number, fire: () => void): TimerHandle {
    if (!(delayNs >= 0)) throw new RangeError(`timer delay must be 0 ns or more, got ${delayNs}`);
    const timer: Timer = { dueNs: this.#nowNs + delayNs, sequence: this.#sequence++, fire };
    let position = this.#timers.length;
    while (position > 0 && (this.#timers[position - 1] as Timer).dueNs > timer.dueNs) position--;
    this.#timers.splice(position, 0, timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Lets `deltaNs` go by, firing what falls due on the way at its own time. */
  advance(deltaNs: number): void {
    if (!(deltaNs >= 0)) throw new RangeError(`time goes forward only, got ${deltaNs} ns`);
    const target = this.#nowNs + deltaNs;
    for (let next = this.#timers[0]; next && next.dueNs <= target; next = this.#timers[0]) {
      this.#timers.shift();
      this.#nowNs = next.dueNs;
      next.fire();
    }
    // A timer may have let more time go by itself.
    this.#nowNs = Math.max(this.#nowNs, target);
  }

  /** Due time of the next timer in nanoseconds, or undefined when none waits. */
  nextDueNs(): number | undefined {
    return this.#timers[0]?.dueNs;
  }
}
