import type { TraceCursor } from '../format/cursor';
import type { RecordedEvent } from '../format/event';
import { OP_WRITE } from '../format/ops';
import type { TraceWriter } from '../format/writer';

/** Writes events of one trace into another. */
export class EventCopier {
  readonly #writer: TraceWriter;
  readonly #open: number[] = [];
  #timeNs = 0;

  constructor(writer: TraceWriter) {
    this.#writer = writer;
  }

  get depth(): number {
    return this.#open.length;
  }

  copy(event: RecordedEvent): void {
    const { encoder } = this.#writer;
    const { op, phase, timeNs, args, results, input, output } = event;
    const [first = 0, second = 0] = results;
    this.#timeNs = timeNs;
    if (phase === 'whole' && event.window >= 0 && encoder.hasRoomFor()) {
      const [region = 0, offset = 0, width = 0, value = 0] = args;
      const write = op === OP_WRITE;
      encoder.access(
        write,
        timeNs,
        region,
        offset,
        width,
        event.window,
        event.windowOffset,
        write ? value : first,
      );
    } else if (phase === 'whole') {
      encoder.whole(op, timeNs, args, 0, input, first, second, output);
    } else if (phase === 'begin') {
      encoder.start(op, timeNs, args, 0, input);
      this.#open.push(op);
    } else {
      this.#open.pop();
      if (phase === 'thrown') encoder.thrown(input);
      else encoder.end(op, first, second, output);
    }
    if (this.#writer.isFull(this.depth)) this.endChunk();
  }

  /** Copies the opening of the device, without which there is none. */
  opening(cursor: TraceCursor): void {
    while (cursor.next()) {
      this.copy(cursor.event);
      if (this.depth === 0) return;
    }
  }

  /** What is copied next goes on from this checkpoint, at this time. */
  goOnFrom(checkpoint: Uint8Array, timeNs: number): void {
    this.endChunk(timeNs);
    this.#writer.checkpoint(checkpoint);
  }

  /** Ends the chunk; the next one begins at this time. */
  endChunk(timeNs = this.#timeNs): void {
    this.#timeNs = timeNs;
    this.#writer.endChunk(timeNs, this.#open);
  }

  finish(): void {
    // What is still open was cut off; nothing can follow it.
    this.#writer.finish(this.#timeNs);
  }
}
