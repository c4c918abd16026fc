import { EIO } from '../../../assembly/abi/linux';
import type { GuestRam } from '../../boundary/guest-ram';
import type { VfioPlatformDevice } from '../../device/device';
import { recordedCode } from '../error-code';
import type { TraceCursor } from '../format/cursor';
import type { RecordedEvent } from '../format/event';
import { OP_LOAD, OP_STORE, type OpShape, opShape } from '../format/ops';
import { actualText } from '../format/text';
import type { Trace } from '../format/trace';
import { type Divergence, DivergenceError } from './divergence';
import { describeDivergence } from './divergence-report';
import { endedError } from './ended';
import { isStart, sameArgs, sameBytes } from './match';
import { replayedError } from './replayed-error';
import { ShortAccess } from './short-access';
import { perform } from './stimuli';
import type { RecordedTogether } from './together';

const NOTHING = new Uint8Array(0);

/** What a replay tells of calls that failed. Not HostPort itself, which users need not see. */
export interface FailingPort {
  fail(error: unknown): void;
  failWindow(error: unknown): void;
}

/** Runs the call of the trace that the session stands before. */
export type CallRunner = (event: RecordedEvent) => void;

/**
 * Goes through a trace in step with a device that runs again: everything that
 * the device does must be the next event, and what comes from outside in the
 * trace is done at its place.
 */
export class ReplaySession {
  readonly trace: Trace;
  readonly cursor: TraceCursor;
  readonly event: RecordedEvent;
  /** Machine time of the recording. */
  timeNs: number;
  /** Calls, imports and effects that are under way. */
  depth = 0;
  /** Core replay: runs the calls of the trace. Undefined: the machine makes them. */
  runCall: CallRunner | undefined;
  /** Machine replay: machine time. */
  nowNs: (() => number) | undefined;
  /** Rings the doorbell of the core. */
  ring: (line: number, count: number) => void = () => {};
  /** The device's side of the boundary, which is told of imports that failed. */
  port!: FailingPort;
  device: VfioPlatformDevice | undefined;
  /** Guest RAM by handle. */
  readonly rams = new Map<number, GuestRam>();
  /** The first difference that was found. */
  divergence: Divergence | undefined;
  /** The core's state there, where it was outside of all calls. */
  stateThere: Uint32Array | undefined;
  /** The words of the core's state block as they are now. */
  coreState: (() => Uint32Array | undefined) | undefined;
  /** Nothing is compared and nothing is consumed: the device is being brought to a checkpoint. */
  muted = false;
  readonly #short = new ShortAccess();

  constructor(trace: Trace) {
    this.trace = trace;
    this.cursor = trace.cursor();
    this.event = this.cursor.event;
    this.timeNs = trace.chunks[0]?.timeNs ?? 0;
  }

  /** Goes on from event `event`, outside of all calls. */
  seek(event: number, timeNs: number): void {
    this.cursor.seek(event);
    this.timeNs = timeNs;
    this.depth = 0;
    this.#short.forget();
    this.divergence = undefined;
    this.stateThere = undefined;
  }

  /** Whether the trace is at its end. */
  get ended(): boolean {
    return !this.cursor.peek();
  }

  /**
   * The device, or its machine, begins something: it must be the next event.
   * @returns whether others are inside it, so that its end comes later
   */
  enter(
    op: number,
    a = 0,
    b = 0,
    c = 0,
    d = 0,
    e = 0,
    f = 0,
    input: Uint8Array = NOTHING,
  ): boolean {
    const { event } = this;
    if (this.#short.expected && (op === OP_LOAD || op === OP_STORE)) {
      this.#takeShort(op, a, b, c, d);
      return false;
    }
    if (!this.cursor.peek()) throw this.#noMore(op, [a, b, c, d, e, f], input);
    if (
      event.op !== op ||
      event.depth !== this.depth ||
      !isStart(event) ||
      !sameArgs(event, a, b, c, d, e, f) ||
      !sameBytes(event.input, input)
    ) {
      throw this.diverged(actualText(op, [a, b, c, d, e, f], input));
    }
    this.cursor.next();
    this.timeNs = event.timeNs;
    this.depth++;
    if (event.window >= 0) this.#short.expect(event);
    return event.phase === 'begin';
  }

  /** The access in short form that is next begins. */
  beginAccess(): void {
    this.cursor.next();
    this.timeNs = this.event.timeNs;
    this.depth++;
    this.#short.expect(this.event);
  }

  /** It is over. @throws DivergenceError when its load or store was not made */
  endAccess(): void {
    if (this.#short.expected)
      throw this.diverged(`end of ${this.event.name} without its access`, true);
    this.depth--;
  }

  /** What enter() began is over; `event` then has its results. @param begun what enter() returned */
  leave(op: number, begun: boolean): void {
    this.#leave(op, begun, false);
  }

  /** @param mayFail it may also have ended with an error, which is then thrown as it was */
  #leave(op: number, begun: boolean, mayFail: boolean): void {
    if (begun) {
      this.#complete();
      if (!this.cursor.peek()) throw endedError(this);
      const { event } = this;
      if (mayFail && event.phase === 'thrown' && event.depth === this.depth - 1) {
        this.cursor.next();
        this.depth--;
        this.#failAsRecorded(op);
        return;
      }
      if (event.phase !== 'end' || event.depth !== this.depth - 1 || event.op !== op) {
        throw this.diverged(`end of ${opShape(op)?.name}`);
      }
      this.cursor.next();
    }
    if (this.#short.expected)
      throw this.diverged(`end of ${opShape(op)?.name} without its access`, true);
    this.depth--;
  }

  /** What enter() began ends with an error. */
  leaveThrown(op: number, begun: boolean, error: unknown): void {
    const code = recordedCode(error);
    const actual = `end of ${opShape(op)?.name} !! ${code === '' ? 'an error' : code}`;
    if (!begun) throw this.diverged(actual, true);
    this.#complete();
    if (!this.cursor.peek()) throw endedError(this);
    const { event } = this;
    if (event.phase !== 'thrown' || event.depth !== this.depth - 1 || event.text !== code) {
      throw this.diverged(actual);
    }
    this.cursor.next();
    this.depth--;
  }

  /** Something of the core's host: its result is the recorded one, in `event`. */
  answer(op: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, input: Uint8Array = NOTHING): void {
    this.#leave(op, this.enter(op, a, b, c, d, e, f, input), true);
  }

  /** What answer() began has ended with an error. */
  #failAsRecorded(op: number): void {
    const { event } = this;
    const error = replayedError('the host', event.text);
    // What concerns guest RAM threw at once; of others the core heard, and the error waits.
    if (op === OP_LOAD || op === OP_STORE) this.port.failWindow(error);
    else if (opShape(op)?.results[0]?.name === 'result') this.port.fail(error);
    else throw error;
    event.results[0] = -EIO;
  }

  /** The value of a load. */
  load(window: number, offset: number, width: number): number {
    if (this.#short.expected) {
      this.#takeShort(OP_LOAD, window, offset, width, 0);
      return this.#short.value;
    }
    this.answer(OP_LOAD, window, offset, width);
    return this.event.results[0] as number;
  }

  store(window: number, offset: number, width: number, value: number): void {
    if (this.#short.expected) this.#takeShort(OP_STORE, window, offset, width, value);
    else this.answer(OP_STORE, window, offset, width, value);
  }

  /** An effect, inside of which the machine may do more. */
  within<T>(op: number, run: () => T, a = 0, input: Uint8Array = NOTHING): T {
    const begun = this.enter(op, a, 0, 0, 0, 0, 0, input);
    let result: T;
    try {
      if (begun) this.deliver();
      if (this.runCall && begun && this.cursor.peek() && this.event.phase === 'thrown') {
        throw replayedError('the machine', this.event.text);
      }
      result = run();
    } catch (error) {
      if (!(error instanceof DivergenceError)) this.leaveThrown(op, begun, error);
      throw error;
    }
    this.leave(op, begun);
    // What other listeners and the like did right after it.
    if (this.runCall) this.deliver();
    return result;
  }

  /** Does what comes from outside next in the trace; in core replay also makes the calls. */
  deliver(): void {
    const { cursor, event } = this;
    while (cursor.peek()) {
      if (event.depth !== this.depth || !isStart(event)) return;
      const shape = opShape(event.op) as OpShape;
      if (shape.kind === 'stimulus') {
        if (this.nowNs !== undefined && event.timeNs > this.nowNs()) return;
        this.stimulate();
      } else if (shape.kind === 'call' && this.runCall !== undefined) {
        this.runCall(event);
      } else {
        return;
      }
    }
  }

  /** What else came in what is about to end, that neither the machine nor its listeners have done. */
  #complete(): void {
    do this.deliver();
    while (this.cursor.peek() && this.makeHostCall?.() === true);
  }

  /** Does the stimulus that is next. @throws DivergenceError where it cannot be done */
  stimulate(): void {
    this.cursor.next();
    this.timeNs = this.event.timeNs;
    perform(this, this.event);
    this.onPlace?.();
  }

  /** Number of the next event. */
  get position(): number {
    return this.cursor.peek() ? this.event.ordinal : this.trace.totals.events;
  }

  /** Machine replay: calls so far that took a line from its target for good. */
  disconnections = 0;
  /** Machine replay: the error of the last call that threw, as it did in the recording. */
  thrown: unknown;
  /** Machine replay: this one and those of the machine's other devices. */
  together: RecordedTogether | undefined;
  /**
   * Machine replay: makes the call that is next, where it is one of the host.
   * @returns whether it is. Undefined: whoever runs the machine makes them.
   */
  makeHostCall: (() => boolean) | undefined;

  /** Told when a stimulus has been done. */
  onPlace: (() => void) | undefined;
  /** Told of each DMA write that was done again. */
  onDma: ((ram: GuestRam, offset: number, length: number) => void) | undefined;

  /** The error that tells of a difference here. @param current it is in the event that was last */
  diverged(actual: string, current = false): DivergenceError {
    const next = current || this.cursor.peek() ? this.event : undefined;
    const { trace, timeNs, device } = this;
    const error = describeDivergence({ trace, timeNs, device, next, actual });
    if (this.divergence === undefined) {
      this.divergence = error.divergence;
      this.stateThere = this.depth === 0 ? this.coreState?.()?.slice() : undefined;
    }
    return error;
  }

  #takeShort(op: number, window: number, offset: number, width: number, value: number): void {
    if (this.#short.take(op, window, offset, width, value)) return;
    throw this.diverged(actualText(op, [window, offset, width, value]), true);
  }

  #noMore(op: number, args: number[], input: Uint8Array): Error {
    return this.trace.finalised ? this.diverged(actualText(op, args, input)) : endedError(this);
  }
}
