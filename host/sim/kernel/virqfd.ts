import type { EventFd, EventfdWaiter } from './eventfd';

/** An eventfd that the kernel itself consumes: each signal masks or unmasks a line (VFIO's virqfd). */
export class Virqfd implements EventfdWaiter {
  readonly #eventfd: EventFd;
  readonly #act: () => void;
  readonly #gone: () => void;
  #ended = false;

  /**
   * @param act what a signal does
   * @param gone called when the eventfd is closed while this exists
   */
  constructor(eventfd: EventFd, act: () => void, gone: () => void) {
    this.#eventfd = eventfd;
    this.#act = act;
    this.#gone = gone;
    eventfd.addWaiter(this);
  }

  /**
   * Acts on a signal that came before the eventfd was handed over. The kernel
   * only polls for it: the counter stays until the next signal drains it, or
   * until the end (eventfd_ctx_remove_wait_queue).
   */
  catchUp(): void {
    if (this.#eventfd.count > 0) this.#act();
  }

  wake(): void {
    if (this.#ended || this.#eventfd.drain() === 0) return;
    this.#act();
  }

  hangUp(): void {
    this.end();
    this.#gone();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#eventfd.drain();
    this.#eventfd.removeWaiter(this);
  }
}
