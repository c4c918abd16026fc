import type { Trace } from '../format/trace';
import { checkpointAt } from './core-state';
import { type StateDifference, stateDifferences } from './state-difference';

/** Compares the state of a core that runs with the checkpoints of its trace, as it gets there. */
export class CheckpointComparison {
  readonly #trace: Trace;
  #index = 0;
  /** Event of the last checkpoint at which the state was the recorded one; 0: the opening. */
  same = 0;
  /** The first checkpoint at which it was another one. */
  other: { readonly event: number; readonly state: readonly StateDifference[] } | undefined;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Event of the checkpoint that is compared next. */
  get next(): number {
    return this.#trace.checkpoints[this.#index]?.event ?? Number.POSITIVE_INFINITY;
  }

  /** The device stands before `event`, outside of all calls. */
  compare(event: number, state: Uint32Array): void {
    const { checkpoints } = this.#trace;
    for (let place = checkpoints[this.#index]; place && place.event <= event; ) {
      this.#index++;
      // What came in one go with other events cannot be looked at any more.
      const recorded = place.event === event ? checkpointAt(this.#trace, place) : undefined;
      if (recorded !== undefined && this.other === undefined) {
        const differences = stateDifferences(recorded.state, state);
        if (differences.length === 0) this.same = event;
        else this.other = { event, state: differences };
      }
      place = checkpoints[this.#index];
    }
  }

  /** The device went to another place of the trace. */
  rewind(event: number): void {
    const { checkpoints } = this.#trace;
    this.#index = checkpoints.findIndex((place) => place.event > event);
    if (this.#index < 0) this.#index = checkpoints.length;
    if (this.other !== undefined && this.other.event > event) this.other = undefined;
    const passed = checkpoints[this.#index - 1]?.event ?? 0;
    if (this.same > passed) this.same = passed;
  }
}
