import type { CallGate } from '../calls';
import { isReplayFailure } from '../error-code';
import * as ops from '../format/ops';
import { actualText } from '../format/text';
import { endedError } from './ended';
import { sameArgs } from './match';
import type { ReplaySession } from './session';

interface Begun {
  readonly op: number;
  readonly begun: boolean;
  readonly results: readonly [number, number];
  /** Begun while nothing was compared. */
  readonly muted?: boolean;
}

const MUTED: Begun = { op: 0, begun: false, results: [0, 0], muted: true };

/** Compares the calls of a machine with those of the trace. */
export class ReplayGate implements CallGate {
  readonly #session: ReplaySession;
  readonly #atRest: () => void;
  readonly #stack: Begun[] = [];

  constructor(session: ReplaySession, atRest: () => void) {
    this.#session = session;
    this.#atRest = atRest;
  }

  begin(op: number, a = 0, b = 0, c = 0, d = 0): void {
    this.#begin(op, a, b, c, d, undefined);
  }

  beginWith(op: number, input: Uint8Array, a = 0): void {
    this.#begin(op, a, 0, 0, 0, input);
  }

  end(first = 0, second = 0): void {
    const session = this.#session;
    const { op, begun, results, muted } = this.#stack.pop() as Begun;
    if (muted) return;
    const { event } = session;
    session.leave(op, begun);
    const shape = ops.opShape(op) as ops.OpShape;
    const [wanted, other] = begun ? (event.results as [number, number]) : results;
    const count = shape.results.length;
    if ((count > 0 && first !== wanted) || (count > 1 && second !== other)) {
      const text = `${shape.name} -> 0x${first.toString(16)} (recorded 0x${wanted.toString(16)})`;
      throw session.diverged(text, true);
    }
    this.#atRest();
  }

  thrown(error: unknown): void {
    const { op, begun, muted } = this.#stack.pop() as Begun;
    if (muted) return;
    if (isReplayFailure(error)) return;
    this.#session.leaveThrown(op, begun, error);
    this.#session.thrown = error;
    this.#atRest();
  }

  moveLine(op: number, line: number, move: () => void): void {
    if (this.#session.muted) move();
    else this.#session.within(op, move, line);
  }

  /** Calls that an error left open are none any more. */
  forget(): void {
    this.#stack.length = 0;
  }

  /** Whether no call is under way. */
  get idle(): boolean {
    return this.#stack.length === 0;
  }

  abandon(close: () => void): void {
    this.#session.muted = true;
    try {
      close();
    } catch {
      // It may be in the middle of a call that diverged.
    }
  }

  closed(): void {}

  #begin(op: number, a: number, b: number, c: number, d: number, input?: Uint8Array): void {
    const session = this.#session;
    // Devices are taken out because one differed: that is no second difference.
    if (op === ops.OP_CLOSE && session.together?.over) session.muted = true;
    if (session.muted) {
      this.#stack.push(MUTED);
      return;
    }
    if (op === ops.OP_DISCONNECT_LINE) session.disconnections++;
    const now = (session.nowNs as () => number)();
    const ended = session.together?.endedBefore(now);
    if (ended) throw endedError(ended);
    this.#bringDue(now, op, a, b, c, d, input);
    const begun = session.enter(op, a, b, c, d, 0, 0, input);
    if (session.timeNs !== now) {
      const text = `${actualText(op, [a, b, c, d], input)} at ${now} ns`;
      throw session.diverged(text, true);
    }
    const [first = 0, second = 0] = session.event.results;
    this.#stack.push({ op, begun, results: [first, second] });
  }

  /** What comes from outside before the call, at this same time: stimuli, and calls of the host. */
  #bringDue(
    now: number,
    op: number,
    a: number,
    b: number,
    c: number,
    d: number,
    input: Uint8Array | undefined,
  ): void {
    const session = this.#session;
    const { cursor, event } = session;
    while (cursor.peek() && event.depth === session.depth) {
      if (ops.opShape(event.op)?.kind === 'stimulus') {
        if (event.timeNs <= now) {
          session.stimulate();
          continue;
        }
        throw session.diverged(`${actualText(op, [a, b, c, d], input)} at ${now} ns`);
      }
      // The call may itself be that of the host.
      if (event.op === op && sameArgs(event, a, b, c, d, 0, 0)) return;
      if (event.timeNs > now || session.makeHostCall?.() !== true) return;
    }
  }
}
