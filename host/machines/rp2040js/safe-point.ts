import type { Rp2040Chip } from './internals';

/**
 * Calls out of the run loop: an alarm of the virtual clock that sets itself
 * again, and only while somebody listens. It is no timer of the host, so it
 * keeps no process alive.
 */
export class SafePoint {
  readonly #core: Rp2040Chip['core'];
  readonly #alarm: ReturnType<Rp2040Chip['clock']['createAlarm']>;
  readonly #intervalNs: number;
  readonly #polls = new Set<() => void>();

  constructor(chip: Rp2040Chip, intervalNs: number) {
    this.#core = chip.core;
    this.#intervalNs = intervalNs;
    this.#alarm = chip.clock.createAlarm(() => this.#reached());
  }

  add(poll: () => void): () => void {
    const entry = () => poll();
    if (this.#polls.size === 0) this.#alarm.schedule(this.#intervalNs);
    this.#polls.add(entry);
    return () => {
      if (this.#polls.delete(entry) && this.#polls.size === 0) this.#alarm.cancel();
    };
  }

  /** The next safe point is before the guest's next instruction. */
  hasten(): void {
    if (this.#polls.size > 0) this.#alarm.schedule(0);
  }

  detach(): void {
    this.#polls.clear();
    this.#alarm.cancel();
  }

  #reached(): void {
    try {
      for (const poll of this.#polls) poll();
      this.#wakeIfPending();
    } finally {
      if (this.#polls.size > 0) this.#alarm.schedule(this.#intervalNs);
    }
  }

  /**
   * rp2040js looks at pending interrupts only when one becomes pending, so that
   * a WFI after the fact, or a SysTick during it, would sleep on.
   */
  #wakeIfPending(): void {
    if (this.#core.waiting && this.#core.checkForInterrupts()) this.#core.waiting = false;
  }
}
