import type { RecordedEvent } from '../format/event';
import { OP_LOAD, OP_READ, OP_STORE } from '../format/ops';

/** The load or store of a call that a trace has in short form, from the beginning of the call on. */
export class ShortAccess {
  /** It is still to come. */
  expected = false;
  value = 0;
  #op = 0;
  #window = 0;
  #offset = 0;
  #width = 0;

  /** The call begins. */
  expect({ op, window, windowOffset, args, results }: RecordedEvent): void {
    this.expected = true;
    this.#op = op === OP_READ ? OP_LOAD : OP_STORE;
    this.#window = window;
    this.#offset = windowOffset;
    this.#width = args[2] as number;
    this.value = (op === OP_READ ? results[0] : args[3]) as number;
  }

  /** A load or store is made. @returns whether it is this one */
  take(op: number, window: number, offset: number, width: number, value: number): boolean {
    if (
      op !== this.#op ||
      window !== this.#window ||
      offset !== this.#offset ||
      width !== this.#width ||
      (op === OP_STORE && value !== this.value)
    ) {
      return false;
    }
    this.expected = false;
    return true;
  }

  forget(): void {
    this.expected = false;
  }
}
