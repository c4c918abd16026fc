import type { Clock, TimerHandle } from '../../time/clock';
import { VirtualClock } from '../../time/virtual-clock';

/**
 * The time of a simulated board: its own until a machine takes it over, so that
 * devices and guest live in the same time.
 */
export class BoardClock implements Clock {
  /** Goes on when a command waits. */
  readonly own = new VirtualClock();
  #machine: Clock | undefined;

  /** From now on time is the machine's. No timer may be waiting. */
  follow(machine: Clock): void {
    this.#machine = machine;
  }

  nowNs(): number {
    return (this.#machine ?? this.own).nowNs();
  }

  setTimer(delayNs: number, fire: () => void): TimerHandle {
    return (this.#machine ?? this.own).setTimer(delayNs, fire);
  }
}
