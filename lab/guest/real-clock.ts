import type { Clock, TimerHandle } from '../../host/time/clock';

/** The time of the guest. */
export class RealClock implements Clock {
  nowNs(): number {
    return performance.now() * 1e6;
  }

  setTimer(delayNs: number, fire: () => void): TimerHandle {
    const timer = setTimeout(fire, delayNs / 1e6);
    return { cancel: () => clearTimeout(timer) };
  }
}
