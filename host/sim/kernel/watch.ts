import type { Doorbell } from '../../boundary/kernel';
import type { Counters } from './counters';
import type { EventFd, EventfdWaiter } from './eventfd';

/** Whether signals wait in their eventfds; one for all watches of a kernel. */
export class SignalGate {
  held = false;
}

/** The host's epoll loop for one eventfd: it drains signals into a doorbell. */
export class Watch implements EventfdWaiter {
  readonly #eventfd: EventFd;
  readonly #doorbell: Doorbell;
  readonly #line: number;
  readonly #gate: SignalGate;
  readonly #counters: Counters;
  #ended = false;

  constructor(
    eventfd: EventFd,
    doorbell: Doorbell,
    line: number,
    gate: SignalGate,
    counters: Counters,
  ) {
    this.#eventfd = eventfd;
    this.#doorbell = doorbell;
    this.#line = line;
    this.#gate = gate;
    this.#counters = counters;
    counters.watches++;
    eventfd.addWaiter(this);
  }

  /** False once the eventfd was closed or the watch ended. */
  get active(): boolean {
    return !this.#ended;
  }

  wake(): void {
    if (!this.#gate.held) this.deliver();
  }

  /** Brings what waits in the eventfd to the doorbell, held or not. */
  deliver(): void {
    if (this.#ended) return;
    const count = this.#eventfd.drain();
    if (count > 0) this.#doorbell.ring(this.#line, count);
  }

  hangUp(): void {
    this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#counters.watches--;
    this.#eventfd.removeWaiter(this);
  }
}
