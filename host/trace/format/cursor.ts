import { VfioError } from '../../errors';
import type { PlacedChunk } from './chunk';
import { EventDecoder } from './decoder';
import { RecordedEvent } from './event';
import { corrupt } from './problem';
import type { Trace } from './trace';

/** Reads the events of a trace one by one; keeps one chunk in memory. */
export class TraceCursor {
  /** The event that next() or peek() gave last. */
  readonly event = new RecordedEvent();
  readonly #trace: Trace;
  readonly #decoder = new EventDecoder();
  /** Index of the next chunk. */
  #next = 0;
  #chunk: PlacedChunk | undefined;
  #ahead = false;
  #aheadResult = false;

  /** Use Trace.cursor(). */
  constructor(trace: Trace, event: number) {
    this.#trace = trace;
    this.seek(event);
  }

  /** The chunk that is being read. */
  get chunk(): PlacedChunk | undefined {
    return this.#chunk;
  }

  /** Goes before event `event`; behind the last one when there are fewer. */
  seek(event: number): void {
    const { chunks } = this.#trace;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = chunks[middle] as PlacedChunk;
      if (chunk.firstEvent + chunk.events > event) high = middle;
      else low = middle + 1;
    }
    this.#next = low;
    this.#chunk = undefined;
    this.#ahead = false;
    if (!this.#open(true)) return;
    while (this.#decoder.events < event && this.next());
    // Ends belong to what they end.
    while (this.peek() && (this.event.phase === 'end' || this.event.phase === 'thrown'))
      this.next();
  }

  /** Steps to the next event and fills in `event`; false at the end. @throws VfioError TRACE_CORRUPT */
  next(): boolean {
    if (this.#ahead) {
      this.#ahead = false;
      return this.#aheadResult;
    }
    return this.#read();
  }

  /** Fills in the next event without stepping to it. @throws VfioError TRACE_CORRUPT */
  peek(): boolean {
    if (!this.#ahead) {
      this.#aheadResult = this.#read();
      this.#ahead = true;
    }
    return this.#aheadResult;
  }

  #read(): boolean {
    try {
      for (;;) {
        if (this.#chunk !== undefined && this.#decoder.next(this.event)) return true;
        if (!this.#open(false)) return false;
      }
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** Goes to the next chunk; false when there is none. */
  #open(first: boolean): boolean {
    const { chunks } = this.#trace;
    const decoder = this.#decoder;
    const before = this.#chunk;
    const open = decoder.open;
    if (before !== undefined) {
      if (
        decoder.events !== before.firstEvent + before.events ||
        decoder.accesses !== before.firstAccess + before.accesses
      ) {
        throw corrupt(`chunk ${before.sequence} has other events than it says`);
      }
    }
    const chunk = chunks[this.#next];
    if (chunk === undefined) {
      this.#chunk = undefined;
      return false;
    }
    this.#next++;
    this.#chunk = chunk;
    try {
      decoder.load(this.#trace.contents(chunk), chunk);
    } catch (error) {
      throw this.#named(error);
    }
    if (!first && before !== undefined && decoder.open.join() !== open.join()) {
      throw corrupt(
        `chunk ${chunk.sequence} begins inside other calls than the one before it ends`,
      );
    }
    return true;
  }

  #named(error: unknown): unknown {
    if (!(error instanceof VfioError) || error.code !== 'TRACE_CORRUPT') return error;
    const { sequence, at } = this.#chunk ?? { sequence: '?', at: 0 };
    if (error.message.includes('chunk ')) return error;
    return new VfioError('TRACE_CORRUPT', `${error.message} (in chunk ${sequence} at byte ${at})`);
  }
}
