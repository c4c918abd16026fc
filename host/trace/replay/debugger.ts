import type { VfioPlatformDevice } from '../../device/device';
import type { RecordedEvent } from '../format/event';
import { OP_LINE_UP, OP_READ, OP_WRITE } from '../format/ops';
import { type EventData, eventData } from '../format/text';
import type { Trace } from '../format/trace';
import type { CoreReplayOptions } from './core-options';
import { CoreReplay } from './core-replay';
import { isStart } from './match';

/** A register, and the direction of accesses to it. */
export interface RegisterPlace {
  readonly region: number;
  readonly offset: number;
  /** Both unless given. */
  readonly direction?: 'read' | 'write';
}

/**
 * Walks through a recording with a device that is always in the state which
 * it had there: forwards, backwards, to any event. It stands between calls;
 * what is asked to be inside a call stands before it.
 */
export class TraceDebugger {
  readonly trace: Trace;
  readonly #options: CoreReplayOptions;
  #replay: CoreReplay;

  private constructor(trace: Trace, options: CoreReplayOptions, replay: CoreReplay) {
    this.trace = trace;
    this.#options = options;
    this.#replay = replay;
  }

  /** Starts behind the opening of the device. @throws DivergenceError; VfioError TRACE_* */
  static async start(trace: Trace, options: CoreReplayOptions = {}): Promise<TraceDebugger> {
    return new TraceDebugger(trace, options, await CoreReplay.start(trace, options));
  }

  /** The device as it was here; another object after a step back. */
  get device(): VfioPlatformDevice | undefined {
    return this.#replay.device;
  }

  /** Number of the next event. */
  get position(): number {
    return this.#replay.position;
  }

  /** Machine time here, in nanoseconds. */
  get timeNs(): number {
    return this.#replay.session.timeNs;
  }

  /** The next event; undefined at the end. */
  get next(): EventData | undefined {
    const { cursor, event } = this.#replay.session;
    return cursor.peek() ? eventData(event) : undefined;
  }

  /** The state here as the contents of a checkpoint. @throws VfioError TRACE_UNSUPPORTED */
  checkpoint(): Uint8Array {
    return this.#replay.checkpoint();
  }

  /** Makes the next call. @returns false at the end @throws DivergenceError */
  stepForward(): boolean {
    return this.#replay.step();
  }

  /** Goes back before the last call. @returns false at the start */
  async stepBack(): Promise<boolean> {
    const before = lastCallBefore(this.trace, this.position);
    if (before === undefined) return false;
    await this.seek(before);
    return true;
  }

  /**
   * Goes to event `event`, or before the call in which it is. Uses the
   * checkpoints of the recording, so the way is never longer than from one
   * checkpoint to the next.
   * @throws DivergenceError
   */
  async seek(event: number): Promise<void> {
    const target = Math.min(event, this.trace.totals.events);
    const place = this.trace.checkpointBefore(target);
    const forward = this.position <= target;
    if (!forward || (place !== undefined && place.event > this.position)) {
      const there =
        place && (await CoreReplay.at(this.trace, place, this.#options).catch(() => undefined));
      if (there !== undefined || !forward) {
        this.#replay.dispose();
        this.#replay = there ?? (await CoreReplay.start(this.trace, this.#options));
      }
    }
    this.#replay.run(callAround(this.trace, target));
  }

  /** Goes to where line `line` goes up next. @returns the event; undefined when it does not */
  toInterrupt(line: number): Promise<EventData | undefined> {
    return this.#to((event) => event.op === OP_LINE_UP && event.args[0] === line);
  }

  /** Goes to the next access to a register. @returns the event; undefined when there is none */
  toAccess({ region, offset, direction }: RegisterPlace): Promise<EventData | undefined> {
    return this.#to(
      ({ op, args }) =>
        ((op === OP_READ && direction !== 'write') || (op === OP_WRITE && direction !== 'read')) &&
        args[0] === region &&
        args[1] === offset,
    );
  }

  /** Goes to the next event for which `matches` is true, in a later call than the next. */
  async #to(matches: (event: RecordedEvent) => boolean): Promise<EventData | undefined> {
    const here = this.position;
    const cursor = this.trace.cursor(here);
    let inNext = true;
    while (cursor.next()) {
      const { event } = cursor;
      if (!isStart(event)) continue;
      if (event.depth === 0) inNext = event.ordinal === here;
      // Where it stands already is no place to go to.
      if (inNext || !matches(event)) continue;
      const found = eventData(event);
      await this.seek(event.ordinal);
      return found;
    }
    return undefined;
  }

  /** Ends it. */
  dispose(): void {
    this.#replay.dispose();
  }
}

/** Number of the outermost call in which an event is; the event's own where it is outside. */
export function callAround(trace: Trace, event: number): number {
  if (event >= trace.totals.events) return event;
  const cursor = trace.cursor(event);
  if (!cursor.peek() || cursor.event.depth === 0) return event;
  return lastCallBefore(trace, event) ?? 0;
}

/** Number of the last event before `event` that is outside of all calls. */
function lastCallBefore(trace: Trace, event: number): number | undefined {
  const { chunks } = trace;
  for (let index = chunks.length - 1; index >= 0; index--) {
    const chunk = chunks[index];
    if (chunk === undefined || chunk.firstEvent >= event) continue;
    const cursor = trace.cursor(chunk.firstEvent);
    let last: number | undefined;
    while (cursor.next() && cursor.event.ordinal < event) {
      if (cursor.event.depth === 0 && isStart(cursor.event)) last = cursor.event.ordinal;
    }
    // The opening is where a debugger starts; there is nothing before it.
    if (last !== undefined) return last === 0 ? undefined : last;
  }
  return undefined;
}
