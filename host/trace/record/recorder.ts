import { VfioError } from '../../errors';
import type { Clock } from '../../time/clock';
import type { CallGate } from '../calls';
import type { EventEncoder } from '../format/encoder';
import type { DeviceDescription, TraceHeader } from '../format/header';
import { OP_OPEN, opShape } from '../format/ops';
import type { TraceSink } from '../format/writer';
import { CHECKPOINT_INTERVAL, CHUNK_TARGET_BYTES, MAX_DEPTH, MAX_EVENT_BYTES } from '../limits';
import { OpenEvents } from './open-events';
import { RecordingOutput } from './output';

const NOTHING = new Uint8Array(0);

const TIMED = new Uint8Array(64);
for (let op = 0; op < 64; op++) TIMED[op] = opShape(op)?.timed ? 1 : 0;
// Opening is at the time at which its trace begins: a replay knows no other before it.
TIMED[OP_OPEN] = 0;

/**
 * Writes down what happens at the boundary of one device: calls, imports and
 * effects begin and end. It has the time that the device sees, ends chunks where
 * they are full, and the recording where it fails or is over.
 */
export class Recorder implements CallGate {
  /** Where it goes. */
  readonly output: RecordingOutput;
  readonly #encoder: EventEncoder;
  readonly #open: OpenEvents;
  readonly #clock: Clock;
  #timeNs: number;
  #finishAtRest = false;

  /** @throws VfioError TRACE_SINK */
  constructor(
    sink: TraceSink,
    header: TraceHeader,
    clock: Clock,
    checkpointInterval = CHECKPOINT_INTERVAL,
    chunkBytes = CHUNK_TARGET_BYTES,
  ) {
    this.#clock = clock;
    this.#timeNs = clock.nowNs();
    this.output = new RecordingOutput(sink, header, this.#timeNs, checkpointInterval, chunkBytes);
    this.#encoder = this.output.writer.encoder;
    this.#open = new OpenEvents(this.#encoder);
  }

  get events(): number {
    return this.output.writer.events;
  }

  /** The operation that is under way, innermost; 0: none. */
  get innermost(): number {
    return this.#open.innermost;
  }

  /** Whether anything is still written down. */
  get running(): boolean {
    return this.output.running;
  }

  /** Machine time as the device shall see it: it stands still during a call. */
  nowNs(): number {
    return this.output.running && this.#open.depth > 0 ? this.#timeNs : this.#clock.nowNs();
  }

  begin(op: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): void {
    if (!this.output.running) return;
    if (this.#open.full) {
      this.output.stop(
        new VfioError('TRACE_SINK', `more than ${MAX_DEPTH} calls inside each other`),
      );
      return;
    }
    if (TIMED[op] === 1) this.#timeNs = this.#clock.nowNs();
    this.#open.begin(op, this.#timeNs, a, b, c, d, e, f);
  }

  /** Like begin(), with bytes that go in; they are copied. */
  beginWith(op: number, input: Uint8Array, a = 0, b = 0, c = 0, d = 0): void {
    if (this.#isTooLong(input)) return;
    this.begin(op, a, b, c, d);
    if (this.output.running) this.#open.writeWith(input);
  }

  end(first = 0, second = 0, output: Uint8Array = NOTHING): void {
    if (!this.output.running || this.#isTooLong(output)) return;
    if (this.#open.end(first, second, output)) this.#settle();
  }

  /** What began last ends with an error. */
  thrown(error: unknown): void {
    if (!this.output.running) return;
    this.#open.thrown(error);
    this.#settle();
  }

  /** Something without inside. Call noted() once it has been done. */
  note(op: number, input: Uint8Array = NOTHING, a = 0, b = 0): void {
    if (!this.output.running || this.#isTooLong(input)) return;
    if (TIMED[op] === 1) this.#timeNs = this.#clock.nowNs();
    this.#open.write();
    this.#encoder.whole(op, this.#timeNs, [a, b], 0, input);
  }

  noted(): void {
    if (this.output.running) this.#settle();
  }

  /** Runs `call` as an event of its own. */
  within<T>(op: number, call: () => T, ...args: number[]): T {
    this.begin(op, ...args);
    const result = this.ending(call);
    this.end();
    return result;
  }

  /** Runs what is inside of the event that began last, which is at its end where that throws. */
  ending<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      this.thrown(error);
      throw error;
    }
  }

  moveLine(op: number, line: number, move: () => void): void {
    this.within(op, move, line);
  }

  closed(): void {
    this.finish();
  }

  describe(device: DeviceDescription): void {
    this.output.describe(device);
  }

  /** Writes what is complete, so that it survives. */
  flush(): void {
    if (this.output.running && !this.output.writing) this.#endChunk();
  }

  /** Ends the trace in order, as soon as nothing is under way. */
  finish(): void {
    if (!this.output.running) return;
    this.#finishAtRest = true;
    if (this.#open.depth === 0 && !this.output.writing) this.output.finish(this.#timeNs);
  }

  #isTooLong(bytes: Uint8Array): boolean {
    if (bytes.length <= MAX_EVENT_BYTES) return false;
    const what = `${bytes.length} bytes went through at once, more than ${MAX_EVENT_BYTES}`;
    this.output.stop(new VfioError('TRACE_SINK', `the recording ends: ${what}`));
    return true;
  }

  #settle(): void {
    const { depth } = this.#open;
    if (depth === 0 && this.#finishAtRest) this.finish();
    else if (this.output.writer.isFull(depth)) this.#endChunk();
  }

  #endChunk(): void {
    this.#open.write();
    this.output.endChunk(this.#timeNs, this.#open.ops);
  }
}
