import type { RecordedEvent } from '../format/event';
import * as ops from '../format/ops';

/** One interrupt of a line, from its trigger to its completion; times in ns of machine time. */
export interface LineInterrupt {
  readonly line: number;
  /** When the signal arrived that led to it; undefined where none was seen. */
  readonly triggerNs: number | undefined;
  readonly upNs: number;
  /** When the line went down; undefined when it never did. */
  downNs: number | undefined;
}

/** Follows the lines of a device through the events of its trace. */
export class LineFollower {
  /** The interrupt that is going on, by line. */
  readonly active = new Map<number, LineInterrupt>();
  readonly #triggers = new Map<number, number>();

  /** @returns the interrupt that begins or ends with this event */
  take(event: RecordedEvent): LineInterrupt | undefined {
    if (event.phase !== 'whole' && event.phase !== 'begin') return undefined;
    const [line = 0] = event.args;
    switch (event.op) {
      case ops.OP_RING:
      case ops.OP_SIGNAL:
        if (!this.#triggers.has(line)) this.#triggers.set(line, event.timeNs);
        return undefined;
      case ops.OP_LINE_UP: {
        const triggerNs = this.#triggers.get(line);
        this.#triggers.delete(line);
        const interrupt = { line, triggerNs, upNs: event.timeNs, downNs: undefined };
        this.active.set(line, interrupt);
        return interrupt;
      }
      case ops.OP_LINE_DOWN: {
        const interrupt = this.active.get(line);
        if (interrupt === undefined) return undefined;
        this.active.delete(line);
        interrupt.downNs = event.timeNs;
        return interrupt;
      }
      default:
        return undefined;
    }
  }
}
