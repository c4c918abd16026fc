import { ABI_VERSION } from '../../../assembly/boundary/version';
import type { VfioPlatformDevice } from '../../device/device';
import type { LineTarget } from '../../device/line-targets';
import { isReplayFailure } from '../error-code';
import type { Checkpoint } from '../format/checkpoint';
import type { RecordedEvent } from '../format/event';
import * as ops from '../format/ops';
import { corrupt } from '../format/problem';
import type { Trace, TraceCheckpoint } from '../format/trace';
import { type CallSurroundings, makeCall } from './calls';
import { foreignStart, openRecorded, startOfReplay } from './core-opening';
import type { CoreReplayOptions } from './core-options';
import { checkpointAt, stateOf, takeCheckpoint, takeOver } from './core-state';
import { DivergenceError } from './divergence';
import { ReplaySession } from './session';
import type { ReplayTap } from './tap';

/**
 * Runs the core again from a trace, which also makes the calls: no device and
 * no machine is needed. Every import and every effect must be the recorded one.
 */
export class CoreReplay {
  readonly session: ReplaySession;
  /** The device; undefined where the recorded opening failed. */
  device: VfioPlatformDevice | undefined;
  #tap: ReplayTap | undefined;
  protected readonly options: CoreReplayOptions;
  readonly #targets: LineTarget[] = [];
  readonly #surroundings: CallSurroundings = {
    target: (line) => this.target(line),
    fireTimer: () => {
      if (this.#tap?.timer === undefined) throw corrupt('a timer fires that was never set');
      this.#tap.timerRuns = false;
      this.#tap.timer();
    },
  };

  protected constructor(trace: Trace, options: CoreReplayOptions) {
    this.session = new ReplaySession(trace);
    this.options = options;
    this.session.runCall = (event) => this.#runCall(event);
  }

  /**
   * Opens the device of the trace; it then stands right behind its opening.
   * @throws DivergenceError; VfioError TRACE_*
   */
  static async start(trace: Trace, options: CoreReplayOptions = {}): Promise<CoreReplay> {
    const replay = new CoreReplay(trace, options);
    await replay.#open();
    return replay;
  }

  /**
   * Brings a device to a checkpoint of the trace, without what came before it.
   * @returns undefined where this build cannot take the checkpoint over
   */
  static async at(
    trace: Trace,
    place: TraceCheckpoint,
    options: CoreReplayOptions = {},
  ): Promise<CoreReplay | undefined> {
    const checkpoint = checkpointAt(trace, place);
    if (checkpoint === undefined) return undefined;
    const replay = await CoreReplay.start(trace, options);
    if (replay.#takeOver(checkpoint, place)) return replay;
    replay.dispose();
    return undefined;
  }

  #takeOver(checkpoint: Checkpoint, place: TraceCheckpoint): boolean {
    return takeOver(this.device, this.#tap, checkpoint, place, (line) => this.target(line));
  }

  async #open(): Promise<void> {
    const { session } = this;
    const { device, tap } = await openRecorded(session, this.options);
    this.device = device;
    session.device = device;
    this.#tap = tap;
    const start = startOfReplay(session.trace);
    if (start === undefined) return;
    const { checkpoint, place } = start;
    if (checkpoint.abi !== ABI_VERSION || !this.#takeOver(checkpoint, place)) {
      throw foreignStart(checkpoint);
    }
  }

  /**
   * The state between two calls, as the contents of a checkpoint.
   * @throws VfioError TRACE_UNSUPPORTED where guest RAM was unmapped before, or an error waits
   */
  checkpoint(): Uint8Array {
    return takeCheckpoint(this.device, this.#tap, this.position);
  }

  /** The words of the core's state block as they are now; undefined where it is not open. */
  get state(): Uint32Array | undefined {
    const memory = this.#tap?.memory;
    return memory && this.device?.closed === false ? stateOf(memory) : undefined;
  }

  /** Number of the next event. */
  get position(): number {
    return this.session.position;
  }

  /** Whether all events have been replayed. */
  get ended(): boolean {
    return this.session.ended;
  }

  /**
   * Makes the next call or stimulus of the trace, with all that happens inside.
   * @returns false at the end
   * @throws DivergenceError
   */
  step(): boolean {
    const { session } = this;
    if (!session.cursor.peek()) return false;
    const { event } = session;
    if (event.depth !== 0) throw session.diverged('nothing');
    if (event.window >= 0) this.#runAccess(event);
    else if (ops.opShape(event.op)?.kind === 'stimulus') session.stimulate();
    else if (ops.opShape(event.op)?.kind === 'call') this.#runCall(event);
    else throw session.diverged('nothing');
    return true;
  }

  /** Replays everything up to event `event` (default: the end). @throws DivergenceError */
  run(event = Number.POSITIVE_INFINITY): void {
    const { cursor } = this.session;
    const current = this.session.event;
    while (cursor.peek() && current.ordinal < event) {
      // Nearly all of a recording; step() would look twice.
      if (current.window >= 0 && current.depth === 0) this.#runAccess(current);
      else this.step();
    }
  }

  /** Ends the replay. */
  dispose(): void {
    const { session, device } = this;
    session.muted = true;
    session.runCall = undefined;
    try {
      device?.close();
    } catch {
      // It may be in the middle of a call that diverged.
    }
  }

  /** The target of a line: what the trace says happens when it moves. */
  protected target(line: number): LineTarget {
    const { session } = this;
    const move = (op: number) => {
      if (!session.muted) session.within(op, () => {}, line);
    };
    this.#targets[line] ??= {
      up: () => move(ops.OP_LINE_UP),
      down: () => move(ops.OP_LINE_DOWN),
    };
    return this.#targets[line] as LineTarget;
  }

  /** An access in short form: nothing but its load or store happens in it. */
  #runAccess(event: RecordedEvent): void {
    const { session } = this;
    const { args } = event;
    const value = event.results[0] as number;
    session.beginAccess();
    try {
      if (event.op === ops.OP_WRITE) {
        this.#device.write(
          args[0] as number,
          args[1] as number,
          args[2] as number,
          args[3] as number,
        );
      } else {
        const read = this.#device.read(args[0] as number, args[1] as number, args[2] as number);
        if (read !== value) this.#compare(event.op, read, 0, value, 0);
      }
    } catch (error) {
      if (isReplayFailure(error)) throw error;
      session.leaveThrown(event.op, false, error);
    }
    session.endAccess();
  }

  #runCall(event: RecordedEvent): void {
    if (event.window >= 0) {
      this.#runAccess(event);
      return;
    }
    const { session } = this;
    const { op } = event;
    const [a = 0, b = 0, c = 0, d = 0] = event.args;
    const { input } = event;
    const expected = event.results[0] as number;
    const whole = event.phase === 'whole';
    const begun = session.enter(op, a, b, c, d, event.args[4], event.args[5], input);
    let first = 0;
    let second = 0;
    try {
      switch (op) {
        case ops.OP_READ:
          first = this.#device.read(a, b, c);
          break;
        case ops.OP_WRITE:
          this.#device.write(a, b, c, d);
          break;
        case ops.OP_SAFE_POINT:
          this.#device.safePoint();
          break;
        default:
          [first, second] = makeCall(this.#device, this.#surroundings, op, event.args, input);
      }
    } catch (error) {
      if (error instanceof DivergenceError || isReplayFailure(error)) throw error;
      session.leaveThrown(op, begun, error);
      return;
    }
    const secondExpected = whole ? (event.results[1] as number) : 0;
    session.leave(op, begun);
    this.#compare(op, first, second, whole ? expected : undefined, secondExpected);
  }

  #compare(op: number, first: number, second: number, whole: number | undefined, other: number) {
    const count = (ops.opShape(op) as ops.OpShape).results.length;
    if (count === 0) return;
    const { event } = this.session;
    const expected = whole ?? (event.results[0] as number);
    const expectedSecond = whole === undefined ? (event.results[1] as number) : other;
    if (first === expected && (count < 2 || second === expectedSecond)) return;
    const { name } = ops.opShape(op) as ops.OpShape;
    const value =
      count < 2 ? `0x${first.toString(16)}` : `0x${first.toString(16)}, 0x${second.toString(16)}`;
    throw this.session.diverged(`${name} -> ${value} (recorded 0x${expected.toString(16)})`, true);
  }

  get #device(): VfioPlatformDevice {
    if (this.device === undefined) throw corrupt('a call is made on a device that is not open');
    return this.device;
  }
}
