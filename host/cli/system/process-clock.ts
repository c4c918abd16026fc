import type { Clock, TimerHandle } from '../../time/clock';

const NS_PER_MS = 1e6;

/** The time of this process; 0 when it was made. */
export class ProcessClock implements Clock {
  readonly #startMs = performance.now();

  nowNs(): number {
    return (performance.now() - this.#startMs) * NS_PER_MS;
  }

  setTimer(delayNs: number, fire: () => void): TimerHandle {
    const timer = setTimeout(fire, delayNs / NS_PER_MS);
    return { cancel: () => clearTimeout(timer) };
  }
}
