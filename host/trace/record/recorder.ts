import { VfioError } from '../../errors';
import type { Clock } from '../../time/clock';
import type { CallGate } from '../calls';
import type { DeviceDescription, TraceHeader } from '../format/header';
import { OP_LOAD, OP_OPEN, OP_READ, OP_STORE, OP_WRITE, opShape } from '../format/ops';
import type { TraceSink, TraceWriter } from '../format/writer';
import { CHECKPOINT_INTERVAL, CHUNK_TARGET_BYTES, MAX_DEPTH, MAX_EVENT_BYTES } from '../limits';
import { RecordingOutput } from './output';

const SLOTS = 8;
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();

const TIMED = new Uint8Array(64);
for (let op = 0; op < 64; op++) TIMED[op] = opShape(op)?.timed ? 1 : 0;
// Opening is at the time at which its trace begins: a replay knows no other before it.
TIMED[OP_OPEN] = 0;

/**
 * Writes down what happens at the boundary of one device. Calls, imports and
 * effects begin and end; one in which nothing else happened becomes a single
 * event, so nothing is written before that is known. An access that is one
 * load or store becomes the shortest event there is.
 */
export class Recorder implements CallGate {
  /** Where it goes. */
  readonly output: RecordingOutput;
  readonly #encoder: TraceWriter['encoder'];
  readonly #clock: Clock;
  #timeNs: number;
  #finishAtRest = false;
  // What has begun: the outer ones are written, the rest is not.
  #depth = 0;
  #written = 0;
  readonly #ops = new Uint8Array(MAX_DEPTH);
  readonly #times = new Float64Array(MAX_DEPTH);
  readonly #args = new Float64Array(MAX_DEPTH * SLOTS);
  /** 1: the access has made one load or store, which is not written. */
  readonly #fused = new Uint8Array(MAX_DEPTH);
  readonly #fusedAt = new Float64Array(MAX_DEPTH * 3);

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
  }

  get events(): number {
    return this.output.writer.events;
  }

  /** The operation that is under way, innermost; 0: none. */
  get innermost(): number {
    return this.#depth > 0 ? (this.#ops[this.#depth - 1] as number) : 0;
  }

  /** Whether anything is still written down. */
  get running(): boolean {
    return this.output.running;
  }

  /** Machine time as the device shall see it: it stands still during a call. */
  nowNs(): number {
    return this.output.running && this.#depth > 0 ? this.#timeNs : this.#clock.nowNs();
  }

  begin(op: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): void {
    if (!this.output.running) return;
    const depth = this.#depth;
    if (depth === MAX_DEPTH) {
      this.output.stop(
        new VfioError('TRACE_SINK', `more than ${MAX_DEPTH} calls inside each other`),
      );
      return;
    }
    if (TIMED[op] === 1) this.#timeNs = this.#clock.nowNs();
    this.#ops[depth] = op;
    this.#times[depth] = this.#timeNs;
    this.#fused[depth] = 0;
    const args = this.#args;
    const at = depth * SLOTS;
    args[at] = a;
    args[at + 1] = b;
    args[at + 2] = c;
    args[at + 3] = d;
    args[at + 4] = e;
    args[at + 5] = f;
    this.#depth = depth + 1;
  }

  /** Like begin(), with bytes that go in; they are copied. */
  beginWith(op: number, input: Uint8Array, a = 0, b = 0, c = 0, d = 0): void {
    if (this.#isTooLong(input)) return;
    this.begin(op, a, b, c, d);
    if (!this.output.running) return;
    const top = this.#depth - 1;
    this.#flush(top);
    this.#encoder.start(op, this.#times[top] as number, this.#args, top * SLOTS, input);
    this.#written = this.#depth;
  }

  end(first = 0, second = 0, output: Uint8Array = NOTHING): void {
    if (!this.output.running || this.#isTooLong(output)) return;
    const top = this.#depth - 1;
    const op = this.#ops[top] as number;
    this.#depth = top;
    if (this.#written > top) {
      this.#encoder.end(op, first, second, output);
      this.#written = top;
    } else if (this.#fused[top] === 1) {
      this.#endAccess(top, op, first);
    } else if ((op === OP_LOAD || op === OP_STORE) && this.#fuse(top, op, first)) {
      return;
    } else {
      this.#flush(top);
      this.#encoder.whole(
        op,
        this.#times[top] as number,
        this.#args,
        top * SLOTS,
        NOTHING,
        first,
        second,
        output,
      );
    }
    this.#settle();
  }

  /** What began last ends with an error. */
  thrown(error: unknown): void {
    if (!this.output.running) return;
    this.#flush(this.#depth);
    this.#encoder.thrown(utf8.encode(error instanceof VfioError ? error.code : ''));
    this.#depth--;
    this.#written = this.#depth;
    this.#settle();
  }

  /** Something without inside. Call noted() once it has been done. */
  note(op: number, input: Uint8Array = NOTHING, a = 0, b = 0): void {
    if (!this.output.running || this.#isTooLong(input)) return;
    if (TIMED[op] === 1) this.#timeNs = this.#clock.nowNs();
    this.#flush(this.#depth);
    this.#encoder.whole(op, this.#timeNs, [a, b], 0, input);
  }

  noted(): void {
    if (this.output.running) this.#settle();
  }

  /** Runs `call` as an event of its own. */
  within<T>(op: number, call: () => T, ...args: number[]): T {
    this.begin(op, ...args);
    let result: T;
    try {
      result = call();
    } catch (error) {
      this.thrown(error);
      throw error;
    }
    this.end();
    return result;
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
    if (this.#depth === 0 && !this.output.writing) this.output.finish(this.#timeNs);
  }

  #isTooLong(bytes: Uint8Array): boolean {
    if (bytes.length <= MAX_EVENT_BYTES) return false;
    const what = `${bytes.length} bytes went through at once, more than ${MAX_EVENT_BYTES}`;
    this.output.stop(new VfioError('TRACE_SINK', `the recording ends: ${what}`));
    return true;
  }

  /** Whether the load or store is all that the access around it does so far. */
  #fuse(top: number, op: number, result: number): boolean {
    const outer = top - 1;
    if (outer < this.#written || this.#fused[outer] === 1) return false;
    const args = this.#args;
    const inside = top * SLOTS;
    const around = outer * SLOTS;
    if (args[inside + 2] !== args[around + 2] || !this.#encoder.hasRoomFor()) return false;
    const load = op === OP_LOAD;
    if (this.#ops[outer] !== (load ? OP_READ : OP_WRITE)) return false;
    if (!load && args[inside + 3] !== args[around + 3]) return false;
    const fused = this.#fusedAt;
    fused[outer * 3] = args[inside] as number;
    fused[outer * 3 + 1] = args[inside + 1] as number;
    fused[outer * 3 + 2] = load ? result : (args[inside + 3] as number);
    this.#fused[outer] = 1;
    return true;
  }

  #endAccess(top: number, op: number, result: number): void {
    const value = this.#fusedAt[top * 3 + 2] as number;
    if (op === OP_READ && value !== result) {
      this.#flush(top + 1);
      this.#encoder.end(op, result);
      this.#written = top;
      return;
    }
    this.#flush(top);
    const at = top * SLOTS;
    this.#encoder.access(
      op === OP_WRITE,
      this.#times[top] as number,
      this.#args[at] as number,
      this.#args[at + 1] as number,
      this.#args[at + 2] as number,
      this.#fusedAt[top * 3] as number,
      this.#fusedAt[top * 3 + 1] as number,
      value,
    );
  }

  /** Writes the beginnings of what is further out than `depth`. */
  #flush(depth: number): void {
    const args = this.#args;
    for (let at = this.#written; at < depth; at++) {
      const op = this.#ops[at] as number;
      const timeNs = this.#times[at] as number;
      this.#encoder.start(op, timeNs, args, at * SLOTS);
      if (this.#fused[at] !== 1) continue;
      this.#fused[at] = 0;
      const fused = this.#fusedAt;
      const value = fused[at * 3 + 2] as number;
      const access = [fused[at * 3], fused[at * 3 + 1], args[at * SLOTS + 2], value] as number[];
      if (op === OP_READ) this.#encoder.whole(OP_LOAD, timeNs, access, 0, NOTHING, value);
      else this.#encoder.whole(OP_STORE, timeNs, access, 0);
    }
    if (depth > this.#written) this.#written = depth;
  }

  #settle(): void {
    if (this.#depth === 0 && this.#finishAtRest) this.finish();
    else if (this.output.writer.isFull(this.#depth)) this.#endChunk();
  }

  #endChunk(): void {
    this.#flush(this.#depth);
    this.output.endChunk(this.#timeNs, Array.from(this.#ops.subarray(0, this.#depth)));
  }
}
