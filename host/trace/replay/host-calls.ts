import type { VfioPlatformDevice } from '../../device/device';
import { VfioError } from '../../errors';
import { isReplayFailure } from '../error-code';
import * as ops from '../format/ops';
import { makeCall } from './calls';
import { isStart } from './match';
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
/** With these something goes into the machine which a recording does not have. */
const NOT_REPEATABLE: ReadonlySet<number> = new Set([ops.OP_CONNECT_LINE, ops.OP_MAP_RAM]);

const REFUSING = {
  target: () => ({ up() {}, down() {} }),
  fireTimer() {},
};

/** Makes the calls of the host again while a machine replays its recordings. */
export class HostCaller {
  /** Takes a device out of the machine; undefined: the guest has no way to. */
  readonly #unplug: ((device: string) => void) | undefined;
  /** When the last that is recorded was: devices that are closed then are so because the run is over. */
  readonly #lastNs: number;
  /** Where sessions stand whose next call is being made. */
  readonly #making = new Map<ReplaySession, number>();

  constructor(unplug: ((device: string) => void) | undefined, lastNs: number) {
    this.#unplug = unplug;
    this.#lastNs = lastNs;
  }

  /** Whether the call that is next in a session is one of the host that can be made again. */
  canMake(session: ReplaySession): boolean {
    if (!this.isNext(session)) return false;
    const { op } = session.event;
    return op === ops.OP_CLOSE ? this.#unplug !== undefined : !NOT_REPEATABLE.has(op);
  }

  /** Whether what is next in a session, where it stands, is a call of the host in mid-run. */
  isNext({ device, cursor, event, depth }: ReplaySession): boolean {
    if (device?.closed !== false || !cursor.peek()) return false;
    const { op, timeNs } = event;
    if (event.depth !== depth || !isStart(event)) return false;
    if (op === ops.OP_CLOSE) return timeNs < this.#lastNs;
    return OF_THE_HOST.has(op) || NOT_REPEATABLE.has(op);
  }

  /**
   * Makes the call that is next in a session, where it is one of the host.
   * @returns whether it is
   * @throws DivergenceError; VfioError TRACE_*; VfioError MACHINE where the guest's
   *   unplug() left the device open; what the guest throws besides
   */
  make(session: ReplaySession): boolean {
    if (!this.isNext(session)) return false;
    const { event, position } = session;
    // The guest does something else first; it will be compared.
    if (this.#making.get(session) === position) return false;
    const device = session.device as VfioPlatformDevice;
    if (NOT_REPEATABLE.has(event.op)) {
      const what = `a call ${event.name} in the middle of the run, which a machine replay cannot repeat`;
      throw unsupported(device.name, `the recording has ${what}`);
    }
    this.#making.set(session, position);
    try {
      if (event.op === ops.OP_CLOSE) this.#takeOut(session, device);
      else {
        asRecorded(session, () =>
          makeCall(device, REFUSING, event.op, [...event.args], event.input.slice()),
        );
      }
    } finally {
      this.#making.delete(session);
    }
    return true;
  }

  #takeOut(session: ReplaySession, device: VfioPlatformDevice): void {
    const { name } = device;
    const unplug = this.#unplug;
    if (unplug === undefined) {
      throw unsupported(
        name,
        'in the recording it is taken out of the machine in the middle of the run, and the replayed ' +
          'guest has no unplug() that does so again',
      );
    }
    const { position } = session;
    let cause: unknown;
    try {
      asRecorded(session, () => unplug(name));
    } catch (error) {
      if (device.closed || isReplayFailure(error)) throw error;
      cause = error;
    }
    if (device.closed && (session.muted || session.position > position)) return;
    throw new VfioError(
      'MACHINE',
      `${name}: unplug() of the replayed guest did not close the device`,
      { device: name, cause },
    );
  }
}

/**
 * Makes a recorded call.
 * @throws what is not the error that the recorded call threw as well
 */
function asRecorded(session: ReplaySession, call: () => void): void {
  session.thrown = undefined;
  try {
    call();
  } catch (error) {
    // A guest may wrap what a device throws.
    for (let each = error; each instanceof Error; each = each.cause) {
      if (isReplayFailure(each)) throw each;
      if (each === session.thrown) return;
    }
    throw error;
  }
}

function unsupported(device: string, why: string): VfioError {
  return new VfioError('TRACE_UNSUPPORTED', `${device}: ${why}; use a core replay`, { device });
}
