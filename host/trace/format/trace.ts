import { VfioError } from '../../errors';
import type { PlacedChunk } from './chunk';
import { TraceCursor } from './cursor';
import type { DeviceDescription, TraceHeader, TraceTotals } from './header';
import {
  readContents,
  type Scan,
  scanChunks,
  type TraceCheckpoint,
  type TraceCut,
  type TraceSource,
} from './scan';

export type { TraceCheckpoint, TraceCut, TraceSource } from './scan';

/**
 * A trace that can be read. Opening looks at the headers of the chunks only;
 * contents are read, checked and decompressed when a cursor gets there, one
 * chunk at a time.
 */
export class Trace {
  readonly header: TraceHeader;
  /** What the open device said of itself; undefined when it never opened. */
  readonly device: DeviceDescription | undefined;
  /** The chunks of events, in order. */
  readonly chunks: readonly PlacedChunk[];
  readonly checkpoints: readonly TraceCheckpoint[];
  /** The recording was ended in order; else it stops at `cut`. */
  readonly finalised: boolean;
  /** Where the trace stops before its end; everything before it is good as far as headers tell. */
  readonly cut: TraceCut | undefined;
  readonly totals: TraceTotals;
  readonly #source: TraceSource;

  /** Use openTrace(). */
  private constructor(source: TraceSource, scan: Scan) {
    this.#source = source;
    this.header = scan.header;
    this.device = scan.device;
    this.chunks = scan.events;
    this.checkpoints = scan.checkpoints;
    this.finalised = scan.totals !== undefined;
    this.cut = scan.cut;
    const last = scan.events.at(-1);
    this.totals = scan.totals ?? {
      events: last ? last.firstEvent + last.events : 0,
      accesses: last ? last.firstAccess + last.accesses : 0,
      timeNs: last?.timeNs ?? 0,
    };
  }

  /**
   * Opens a trace, in memory or elsewhere. One that was cut off, at any byte,
   * opens up to its last whole chunk, and `cut` says so.
   *
   * @throws VfioError TRACE_INVALID (no trace at all), TRACE_UNSUPPORTED (of
   *   another version), TRACE_CORRUPT (nothing usable is left)
   */
  static open(from: TraceSource | Uint8Array): Trace {
    const source = from instanceof Uint8Array ? memorySource(from) : from;
    return new Trace(source, scanChunks(source));
  }

  get size(): number {
    return this.#source.size;
  }

  /** A cursor before event `event`. @throws VfioError TRACE_CORRUPT */
  cursor(event = 0): TraceCursor {
    return new TraceCursor(this, event);
  }

  /** The contents of a chunk, checked. @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED */
  contents(chunk: PlacedChunk): Uint8Array {
    return readContents(this.#source, chunk);
  }

  /** The last checkpoint at or before the event. */
  checkpointBefore(event: number): TraceCheckpoint | undefined {
    return this.checkpoints.filter((checkpoint) => checkpoint.event <= event).at(-1);
  }

  /**
   * Reads everything once.
   *
   * @returns the first place that cannot be read, and why; undefined when all is good
   */
  verify(): TraceCut | undefined {
    return this.#unreadableEvents() ?? this.#unreadableCheckpoint() ?? this.cut;
  }

  #unreadableEvents(): TraceCut | undefined {
    let cursor: TraceCursor | undefined;
    try {
      // Reads the first chunk at once.
      cursor = this.cursor();
      while (cursor.next());
    } catch (error) {
      if (!(error instanceof VfioError)) throw error;
      const chunk = cursor === undefined ? this.chunks[0] : cursor.chunk;
      return { at: chunk?.at ?? this.size, reason: error.message };
    }
    return undefined;
  }

  #unreadableCheckpoint(): TraceCut | undefined {
    for (const { chunk } of this.checkpoints) {
      try {
        this.contents(chunk);
      } catch (error) {
        if (!(error instanceof VfioError)) throw error;
        return { at: chunk.at, reason: error.message };
      }
    }
    return undefined;
  }
}

function memorySource(bytes: Uint8Array): TraceSource {
  return {
    size: bytes.length,
    read: (at, length) => bytes.subarray(at, at + length),
  };
}
