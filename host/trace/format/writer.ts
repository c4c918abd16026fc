import { VfioError } from '../../errors';
import { CHUNK_LIMIT_BYTES, CHUNK_TARGET_BYTES } from '../limits';
import {
  CHUNK_CHECKPOINT,
  CHUNK_DEVICE,
  CHUNK_END,
  CHUNK_EVENTS,
  CHUNK_HEADER,
  packChunk,
  prologue,
} from './chunk';
import { crc32 } from './crc32';
import { EventEncoder } from './encoder';
import { type DeviceDescription, encodeHeader, encodeJson, type TraceHeader } from './header';

/** Where the bytes of a trace go, in order; a file, a socket, an array. */
export interface TraceSink {
  /** Takes the bytes over; they are not changed afterwards. May throw: recording ends then, and the sink is closed. */
  write(bytes: Uint8Array): void;
  /** Nothing follows. */
  close?(): void;
}

/** A sink that keeps everything in memory. */
export class MemorySink implements TraceSink {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  /** All bytes so far. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/**
 * Writes a trace, chunk by chunk; never more than one chunk is in memory. The
 * events go through `encoder`; after each, call `settle`.
 */
export class TraceWriter {
  readonly encoder = new EventEncoder();
  readonly #sink: TraceSink;
  readonly #binding: number;
  readonly #targetBytes: number;
  #sequence = 0;
  #events = 0;
  #accesses = 0;
  #startNs: number;
  #finished = false;
  #closed = false;

  /**
   * @param targetBytes bytes of events after which a chunk ends
   * @throws VfioError TRACE_SINK, OPTION_INVALID (the header is too long)
   */
  constructor(sink: TraceSink, header: TraceHeader, timeNs = 0, targetBytes = CHUNK_TARGET_BYTES) {
    this.#sink = sink;
    this.#targetBytes = Math.min(targetBytes, CHUNK_LIMIT_BYTES);
    this.#startNs = timeNs;
    const bytes = encodeHeader(header);
    this.#binding = 0;
    try {
      this.#put(prologue());
      this.#write(CHUNK_HEADER, bytes);
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#binding = crc32(bytes);
    this.encoder.begin(timeNs, []);
  }

  /** Events written, those of the unfinished chunk included. */
  get events(): number {
    return this.#events + this.encoder.events;
  }

  get accesses(): number {
    return this.#accesses + this.encoder.accesses;
  }

  /** What the open device says of itself. */
  describe(device: DeviceDescription): void {
    this.#write(CHUNK_DEVICE, encodeJson(device, 'device description'));
  }

  /** Whether the chunk is to end: soon, when nothing is under way, or in any case. */
  isFull(depth: number): boolean {
    const { length } = this.encoder;
    return length >= this.#targetBytes && (depth === 0 || length >= CHUNK_LIMIT_BYTES);
  }

  /** Ends the chunk; the next one begins inside the calls of `open`. */
  endChunk(timeNs: number, open: readonly number[]): void {
    const { encoder } = this;
    if (!encoder.empty) {
      this.#write(CHUNK_EVENTS, encoder.payload, encoder.events, encoder.accesses);
      this.#events += encoder.events;
      this.#accesses += encoder.accesses;
    }
    this.#startNs = timeNs;
    encoder.begin(timeNs, open);
  }

  /** Puts a checkpoint before the next event; only right after endChunk(). */
  checkpoint(state: Uint8Array): void {
    this.#write(CHUNK_CHECKPOINT, state);
  }

  /** Ends the trace: it is marked complete, and the sink is closed. @throws VfioError TRACE_SINK */
  finish(timeNs: number): void {
    if (this.#finished) return;
    this.endChunk(timeNs, []);
    this.#finished = true;
    const totals = { events: this.#events, accesses: this.#accesses, timeNs };
    this.#write(CHUNK_END, encodeJson(totals, 'end'));
    this.#closeSink();
  }

  /** Closes the sink without an end of the trace; what is not written yet is lost. */
  abandon(): void {
    this.#finished = true;
    try {
      this.#closeSink();
    } catch {
      // The trace ends early already, for a reason that is known.
    }
  }

  #closeSink(): void {
    if (this.#closed) return;
    this.#closed = true;
    guardSink('closed', () => this.#sink.close?.());
  }

  #put(bytes: Uint8Array): void {
    guardSink('written', () => this.#sink.write(bytes));
  }

  #write(kind: number, raw: Uint8Array, events = 0, accesses = 0): void {
    const contents = {
      kind,
      sequence: this.#sequence,
      binding: this.#binding,
      events,
      accesses,
      firstEvent: this.#events,
      firstAccess: this.#accesses,
      timeNs: this.#startNs,
    };
    this.#put(packChunk(contents, raw));
    this.#sequence++;
  }
}

/** @throws VfioError TRACE_SINK, whatever the sink throws */
function guardSink(what: 'written' | 'closed', work: () => void): void {
  try {
    work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new VfioError(
      'TRACE_SINK',
      `the recording cannot be ${what} (${why}); see to its sink, for example free some space`,
      { cause },
    );
  }
}
