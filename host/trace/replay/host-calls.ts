import { VfioError } from '../../errors';
import * as ops from '../format/ops';
import { makeCall } from './calls';
import type { MachineReplay } from './machine-replay';
import { endOf } from './navigation';
import type { ReplaySession } from './session';

/** Calls that neither a guest nor its machine makes: whoever runs the machine does. */
const OF_THE_HOST: ReadonlySet<number> = new Set([
  ops.OP_MASK_LINE,
  ops.OP_UNMASK_LINE,
  ops.OP_SIGNAL,
  ops.OP_SET_EOI,
  ops.OP_ADD_RULE,
  ops.OP_RESET,
  ops.OP_PAUSE,
  ops.OP_RESUME,
  ops.OP_SNAPSHOT,
  ops.OP_RESTORE,
  ops.OP_DISCONNECT_LINE,
  ops.OP_UNMAP_RAM,
]);
/**
 * With these something goes into the machine, or out of it, which a recording
 * does not have; a closing is one where the run goes on without the device.
 */
const NOT_REPEATABLE: ReadonlySet<number> = new Set([
  ops.OP_CONNECT_LINE,
  ops.OP_MAP_RAM,
  ops.OP_CLOSE,
]);

const REFUSING = {
  target: () => ({ up() {}, down() {} }),
  fireTimer() {},
};

function notRepeatable(device: string, call: string, where: string): VfioError {
  return new VfioError(
    'TRACE_UNSUPPORTED',
    `${device}: the recording has a call ${call} in the middle of the run${where}, which a machine ` +
      'replay cannot repeat; use a core replay',
    { device },
  );
}

/** Makes the calls of the host again while a machine replays its recordings. */
export class HostCalls {
  readonly #sessions: readonly ReplaySession[];
  /** Sum of the positions for which the rest was worked out. */
  #at = -1;
  #next: ReplaySession | undefined;
  #nextNs = Number.POSITIVE_INFINITY;
  #endNs = 0;
  /** When the last that is recorded was. */
  #lastNs = 0;

  constructor(replays: readonly MachineReplay[]) {
    this.#sessions = replays.map(({ session }) => session);
    for (const { trace } of this.#sessions) {
      const { timeNs } = endOf(trace);
      this.#lastNs = Math.max(this.#lastNs, timeNs);
      // Without its closing, the last that is known is what one instruction begins to do then.
      this.#endNs = Math.max(this.#endNs, trace.finalised ? timeNs : timeNs + 1);
    }
    this.update();
  }

  /** Guest time of the next call of the host, or of the recordings' end. */
  get untilNs(): number {
    this.#look();
    return Math.min(this.#nextNs, this.#endNs);
  }

  /** Whether a call of the host comes now. */
  isDue(nowNs: number): boolean {
    this.#look();
    return nowNs >= this.#nextNs;
  }

  /**
   * Makes the one that comes now.
   * @returns whether there was one
   * @throws DivergenceError; VfioError TRACE_UNSUPPORTED
   */
  makeDue(nowNs: number): boolean {
    if (!this.isDue(nowNs)) return false;
    const { event, device, cursor } = this.#next as ReplaySession;
    cursor.peek();
    if (device === undefined) return false;
    if (NOT_REPEATABLE.has(event.op)) throw notRepeatable(device.name, event.name, '');
    if (nowNs > event.timeNs) {
      const where = ` at ${event.timeNs} ns, which is not between two instructions of this guest`;
      throw notRepeatable(device.name, event.name, where);
    }
    try {
      makeCall(device, REFUSING, event.op, [...event.args], event.input.slice());
    } catch (error) {
      // What the recorded call threw as well has been compared.
      if (error instanceof VfioError && error.code.startsWith('TRACE_')) throw error;
    }
    return true;
  }

  /**
   * A recording that has more than its closing left, though it is whole and the
   * guest was run to its end.
   */
  unfinished(): ReplaySession | undefined {
    return this.#sessions.find(
      ({ trace, cursor, event }) =>
        trace.finalised && cursor.peek() && (event.op !== ops.OP_CLOSE || event.depth !== 0),
    );
  }

  /** The recordings stand elsewhere. */
  update(): void {
    this.#at = -1;
  }

  #look(): void {
    let at = 0;
    for (const session of this.#sessions) at += session.position;
    if (at === this.#at) return;
    this.#at = at;
    this.#next = undefined;
    this.#nextNs = Number.POSITIVE_INFINITY;
    for (const session of this.#sessions) {
      const { cursor, event } = session;
      if (!cursor.peek() || event.depth !== 0 || event.timeNs >= this.#nextNs) continue;
      if (!OF_THE_HOST.has(event.op) && !NOT_REPEATABLE.has(event.op)) continue;
      if (event.op === ops.OP_CLOSE && event.timeNs >= this.#lastNs) continue;
      this.#next = session;
      this.#nextNs = event.timeNs;
    }
  }
}
