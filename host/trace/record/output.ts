import { VfioError } from '../../errors';
import type { DeviceDescription, TraceHeader } from '../format/header';
import { type TraceSink, TraceWriter } from '../format/writer';

/** Gives the core's state as the contents of a checkpoint; undefined where there can be none. */
export type TakeCheckpoint = () => Uint8Array | undefined;

/** Where a recording goes: chunks and checkpoints in a sink, and how it ends. */
export class RecordingOutput {
  readonly writer: TraceWriter;
  /** Whether anything is still written down. */
  running = true;
  /** The sink is at work; it may call back. */
  writing = false;
  /** Why recording ended early; undefined while all is well. */
  problem: VfioError | undefined;
  onProblem: ((problem: VfioError) => void) | undefined;
  /** Called once, when nothing more is written down. */
  onEnd: (() => void) | undefined;
  /** Asked for at the end of some chunks. */
  takeCheckpoint: TakeCheckpoint | undefined;
  readonly #interval: number;
  #nextCheckpoint: number;

  /** @throws VfioError TRACE_SINK */
  constructor(
    sink: TraceSink,
    header: TraceHeader,
    timeNs: number,
    checkpointInterval: number,
    chunkBytes: number,
  ) {
    this.writer = new TraceWriter(sink, header, timeNs, chunkBytes);
    this.#interval = checkpointInterval;
    this.#nextCheckpoint = checkpointInterval;
  }

  describe(device: DeviceDescription): void {
    this.#guard(() => this.writer.describe(device));
  }

  /** Ends the chunk, inside of the operations that are `open`. */
  endChunk(timeNs: number, open: readonly number[]): void {
    this.#guard(() => {
      const { writer } = this;
      writer.endChunk(timeNs, open);
      if (open.length > 0 || writer.events < this.#nextCheckpoint) return;
      const state = this.takeCheckpoint?.();
      if (state === undefined) return;
      this.#nextCheckpoint = writer.events + this.#interval;
      writer.checkpoint(state);
    });
  }

  /** Ends the trace in order. */
  finish(timeNs: number): void {
    // First: the sink may call back.
    this.running = false;
    this.#guard(() => this.writer.finish(timeNs));
    this.#tellEnd();
  }

  /** Ends recording here, whatever is under way: the trace stays without its end. */
  stop(problem: VfioError): void {
    this.running = false;
    if (this.problem) return;
    this.problem = problem;
    this.writer.abandon();
    try {
      this.onProblem?.(problem);
    } catch {
      // It is told in the middle of the device's work, which must go on.
    }
    this.#tellEnd();
  }

  #tellEnd(): void {
    const tell = this.onEnd;
    this.onEnd = undefined;
    tell?.();
  }

  #guard(work: () => void): void {
    this.writing = true;
    try {
      work();
    } catch (error) {
      this.stop(
        error instanceof VfioError
          ? error
          : new VfioError('TRACE_SINK', 'the recording ends: it failed', { cause: error }),
      );
    } finally {
      this.writing = false;
    }
  }
}
