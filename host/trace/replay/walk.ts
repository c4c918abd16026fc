import type { VfioPlatformDevice } from '../../device/device';
import { VfioError } from '../../errors';
import { type EventData, eventData } from '../format/text';
import type { Trace } from '../format/trace';
import {
  callAround,
  isAccessTo,
  isInterrupt,
  lastCallBefore,
  nextMatch,
  type RegisterPlace,
} from './navigation';
import type { ReplaySession } from './session';

/**
 * A walk through a recording with a device that is always in the state which it
 * had there: forwards, backwards, to any event. A `TraceDebugger` walks with the
 * core alone, a `MachineDebugger` with the machine and its guest.
 */
export abstract class ReplayWalk {
  readonly trace: Trace;
  /** What runs again. */
  abstract readonly mode: 'core' | 'machine';
  /** What the last search found, which the walk has not left since. */
  #found: { readonly asked: string; readonly at: number; readonly event: number } | undefined;
  #end: number | undefined;

  protected constructor(trace: Trace) {
    this.trace = trace;
  }

  /** The device as it was here; after a step back it may be another object. */
  abstract get device(): VfioPlatformDevice | undefined;

  /** Machine time here, in nanoseconds. */
  abstract get timeNs(): number;

  /**
   * Goes on to the next place: behind the next call, with a machine behind the
   * instruction that makes it.
   * @returns false at the end
   * @throws DivergenceError
   */
  abstract stepForward(): boolean;

  /**
   * Goes to event `event`, or before the call in which it is; with a machine to
   * the first place between two instructions where all that came before has
   * happened, or the last one before it where that is in one instruction.
   * @throws DivergenceError
   */
  abstract seek(event: number): Promise<void>;

  /** Ends it. */
  abstract dispose(): void;

  protected abstract get session(): ReplaySession;
  /** The first place that can be gone to. */
  protected abstract get start(): number;

  /** Whether nothing more can be done: at the end, or before a call inside which it was cut off. */
  get ended(): boolean {
    this.#end ??= callAround(this.trace, this.trace.totals.events);
    return this.position >= this.#end;
  }

  /** Number of the next event. */
  get position(): number {
    return this.session.position;
  }

  /** The next event; undefined at the end. */
  get next(): EventData | undefined {
    const { cursor, event } = this.session;
    return cursor.peek() ? eventData(event) : undefined;
  }

  /**
   * The device's snapshot here: for `VfioPlatformDevice.restore()` of a device on
   * another host, which goes on from it.
   * @throws VfioError TRACE_UNSUPPORTED where the device is not open
   */
  snapshot(): Uint8Array {
    const { device, session } = this;
    if (device?.closed !== false) {
      throw new VfioError('TRACE_UNSUPPORTED', 'there is no open device to take a snapshot of');
    }
    // It is no call of the recording.
    const { muted } = session;
    session.muted = true;
    try {
      return device.snapshot();
    } finally {
      session.muted = muted;
    }
  }

  /** Goes back before the last call. @returns false at the start @throws DivergenceError */
  async stepBack(): Promise<boolean> {
    if (this.position <= this.start) return false;
    const before = lastCallBefore(this.trace, this.position);
    if (before === undefined) return false;
    await this.seek(Math.max(before, this.start));
    return true;
  }

  /**
   * Goes to where line `line` goes up next. That may be in the call that is next
   * here already; asked again from the same place, it is the one after it.
   * @returns the event; undefined when it does not
   */
  toInterrupt(line: number): Promise<EventData | undefined> {
    return this.#to(`line ${line}`, isInterrupt(line));
  }

  /** The same for the next access to a register. @returns the event; undefined when there is none */
  toAccess(place: RegisterPlace): Promise<EventData | undefined> {
    const { region, offset, direction = '' } = place;
    return this.#to(`access ${region} ${offset} ${direction}`, isAccessTo(place));
  }

  /** It goes elsewhere: what was found there is looked for anew. */
  protected leave(): void {
    this.#found = undefined;
  }

  /** Goes to the next event for which `matches` is true. */
  async #to(
    asked: string,
    matches: Parameters<typeof nextMatch>[3],
  ): Promise<EventData | undefined> {
    const here = this.position;
    const last = this.#found;
    // What was found is still to come here, and is no place to go to a second time.
    const behind = last?.asked === asked && last.at === here ? last.event : -1;
    const found = nextMatch(this.trace, here, behind, matches);
    if (found === undefined) return undefined;
    await this.seek(found.event);
    this.#found = { asked, at: this.position, event: found.event };
    return found;
  }
}
