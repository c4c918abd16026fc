import { opShape } from './ops';

const NOTHING = new Uint8Array(0);

/** What is known of an event: all of it, or its beginning or its end only. */
export type EventPhase = 'whole' | 'begin' | 'end' | 'thrown';

/**
 * One event, as a decoder fills it in again and again: whoever wants to keep
 * something of it copies that.
 */
export class RecordedEvent {
  /** One of the operations of ops.ts; of an end, that of what ends. */
  op = 0;
  phase: EventPhase = 'whole';
  /** Its number in the trace, from 0; an end has that of the last event before it. */
  ordinal = 0;
  /** Guest accesses before it. */
  access = 0;
  /** Machine time in nanoseconds. */
  timeNs = 0;
  /** How many calls, imports and effects it is inside of. */
  depth = 0;
  readonly args: number[] = [0, 0, 0, 0, 0, 0];
  readonly results: number[] = [0, 0];
  /** Bytes that went in; of a thrown end, the error's code as text. */
  input: Uint8Array = NOTHING;
  /** Bytes that came out. */
  output: Uint8Array = NOTHING;
  /** A guest access that is one load or store of a window, whose number this is; else −1. */
  window = -1;
  /** Offset in that window. */
  windowOffset = 0;

  /** Name of the operation. */
  get name(): string {
    return opShape(this.op)?.name ?? `operation ${this.op}`;
  }

  /** `input` as text. */
  get text(): string {
    return new TextDecoder().decode(this.input);
  }
}
