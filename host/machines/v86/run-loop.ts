import { patch } from '../patch';
import type { V86Parts } from './internals';

/** For microtasks: queueMicrotask() of Node takes tens of microseconds when it is cold. */
const RESOLVED = Promise.resolve();

/** Something that falls due; the run loop asks for it at every safe point. */
export interface DueWork {
  /** Does what is due now. */
  runDue(): void;
  /** Milliseconds until the next is due; Infinity when nothing is. */
  nextInMs(): number;
}

/**
 * v86's run loop: calls out of it at its safe points, knows whether the guest
 * is running, and ends its sleep.
 *
 * The safe points are the start of every slice (v86 runs about 1 ms at a time,
 * then yields to the event loop), every 100 003 instructions within, and
 * whenever the guest halts.
 *
 * What is called there, or in an MMIO handler, must not throw through v86's
 * Wasm: that would lose the guest's registers. So a failure waits for the end
 * of the slice.
 */
export class RunLoop {
  /** Whether v86 is inside main_loop(): what changes a line now must not make the guest jump. */
  inside = false;
  readonly #parts: V86Parts;
  readonly #work: DueWork;
  readonly #polls = new Set<() => void>();
  readonly #resetListeners = new Set<() => void>();
  readonly #unpatch: (() => void)[];
  #woken = false;
  #hurrying = false;
  /** A slice has run that was not hurried: the event loop has had its turn. */
  #mayHurry = true;
  #polling = false;
  #failures: unknown[] = [];

  constructor(parts: V86Parts, work: DueWork) {
    this.#parts = parts;
    this.#work = work;
    const { cpu } = parts;
    this.#unpatch = [
      patch(cpu, 'main_loop', (original) => () => this.#slice(() => original.call(cpu))),
      patch(cpu, 'run_hardware_timers', (original) => (acpi, nowMs) => {
        const sleepMs = original.call(cpu, acpi, nowMs);
        this.#safePoint();
        return this.#shorten(sleepMs);
      }),
      patch(cpu, 'reboot_internal', (original) => () => {
        this.#callAll(this.#resetListeners);
        original.call(cpu);
      }),
    ];
  }

  onSafePoint(poll: () => void): () => void {
    const entry = () => poll();
    this.#polls.add(entry);
    return () => {
      this.#polls.delete(entry);
    };
  }

  /** Calls `listener` when the guest is about to start from the beginning. */
  onReset(listener: () => void): () => void {
    const entry = () => listener();
    this.#resetListeners.add(entry);
    return () => {
      this.#resetListeners.delete(entry);
    };
  }

  /**
   * The next safe point comes soon, also when the guest has halted and v86
   * sleeps. Called from the event loop, it comes right after what calls this: a
   * turn of a busy event loop would take longer than all the rest of an
   * interrupt. But never twice in a row, so that the event loop goes on.
   */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    const { runner } = this.#parts;
    if (this.inside || this.#polling || !runner.running) return;
    if (!this.#mayHurry) {
      runner.next_tick(0);
      return;
    }
    this.#mayHurry = false;
    void RESOLVED.then(this.#hurry);
  }

  /** Keeps what an MMIO handler or a poll has thrown until the slice is over. */
  fail(error: unknown): void {
    this.#failures.push(error);
  }

  detach(): void {
    this.#polls.clear();
    this.#resetListeners.clear();
    for (const restore of this.#unpatch.splice(0).reverse()) restore();
  }

  readonly #hurry = (): void => {
    const { runner } = this.#parts;
    if (!this.#woken || this.inside || !runner.running) return;
    this.#hurrying = true;
    try {
      // It schedules the next slice anew, and forgets what was scheduled before.
      runner.yield_callback(runner.tick_counter);
    } catch (error) {
      // An uncaught error, as from a slice of v86's own timers, and no rejected promise.
      queueMicrotask(() => {
        throw error;
      });
    } finally {
      this.#hurrying = false;
    }
  };

  #slice(run: () => number): number {
    if (!this.#hurrying) this.#mayHurry = true;
    this.#safePoint();
    let sleepMs: number;
    this.inside = true;
    try {
      sleepMs = run();
    } finally {
      this.inside = false;
    }
    if (this.#failures.length > 0) throw this.#takeFailure();
    return this.#shorten(sleepMs);
  }

  #safePoint(): void {
    this.#woken = false;
    this.#polling = true;
    try {
      this.#work.runDue();
    } catch (error) {
      this.fail(error);
    }
    this.#callAll(this.#polls);
    this.#polling = false;
  }

  #callAll(listeners: Iterable<() => void>): void {
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        this.fail(error);
      }
    }
  }

  #shorten(sleepMs: number): number {
    if (this.#woken || this.#failures.length > 0) return 0;
    return Math.min(sleepMs, this.#work.nextInMs());
  }

  #takeFailure(): unknown {
    const failures = this.#failures;
    this.#failures = [];
    return failures.length === 1 ? failures[0] : new AggregateError(failures);
  }
}
