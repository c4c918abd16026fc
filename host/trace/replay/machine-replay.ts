import type { VfioHost } from '../../boundary/host';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEnvironment } from '../../device/open';
import { VfioError } from '../../errors';
import type { ResolvedOptions } from '../../options/options';
import type { Clock, TimerHandle } from '../../time/clock';
import { type CallGate, gateCalls } from '../calls';
import * as ops from '../format/ops';
import { actualText } from '../format/text';
import { Trace } from '../format/trace';
import { noKernel, noSysfs } from './kernel';
import { ReplaySession } from './session';
import { ReplayTap } from './tap';

/** How a machine is run on recordings. */
export interface ReplayHostOptions {
  /**
   * Also replay recordings of DMA at sync points, and of machines that do not
   * promise the same run twice. One whose time is that of a wall clock diverges
   * at its first call all the same.
   */
  readonly force?: boolean;
}

/** A host whose devices are recordings. */
export interface ReplayHost extends VfioHost {
  /** Whether every recording has been replayed to its end. */
  readonly ended: boolean;
  /** @throws VfioError TRACE_DIVERGED when a recording has more than what happened */
  finish(): void;
}

/**
 * A host for openDevice() and plug() on which the devices of these recordings
 * do what they did, at the same places of the guest's run, bit for bit. Needs a
 * machine that is deterministic, with the same guest; what the guest does
 * otherwise than recorded is thrown as DivergenceError out of the access.
 *
 * @throws VfioError TRACE_NOT_DETERMINISTIC
 */
export function replayHost(
  traces: Trace | readonly Trace[],
  options: ReplayHostOptions = {},
): ReplayHost {
  const list = traces instanceof Trace ? [traces] : traces;
  const sessions = new Map<string, ReplaySession>();
  for (const trace of list) {
    checkMachine(trace, options);
    const { name } = trace.header.device;
    if (sessions.has(name)) {
      throw new VfioError('OPTION_INVALID', `two of the recordings are of ${name}`);
    }
    sessions.set(name, new ReplaySession(trace));
  }
  const all = [...sessions.values()];
  const [first] = all;
  if (first === undefined) throw new VfioError('OPTION_INVALID', 'there is no recording to replay');
  return {
    kernel: noKernel(all),
    sysfs: noSysfs,
    tap: {
      tap(resolved) {
        const name = nameOf(resolved);
        const session = sessions.get(name);
        if (session !== undefined) return new MachineReplayTap(session, resolved);
        throw new VfioError(
          'DEVICE_NOT_FOUND',
          `there is no recording of ${name}, only of ${[...sessions.keys()].join(', ')}`,
        );
      },
    },
    get ended() {
      return all.every((session) => session.ended);
    },
    finish() {
      for (const session of all) if (!session.ended) throw session.diverged('the end of the run');
    },
  };
}

function nameOf({ host, sysfsdev, fd }: ResolvedOptions): string {
  if (fd !== undefined) return 'fd';
  if (sysfsdev === undefined) return host ?? '';
  return sysfsdev.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

function checkMachine({ header }: Trace, { force = false }: ReplayHostOptions): void {
  const { machine, device, dma } = header;
  const refuse = (why: string, also = '') =>
    new VfioError(
      'TRACE_NOT_DETERMINISTIC',
      `${device.name}: ${why}; use replayCore() or replayDevice()${also}`,
      { device: device.name },
    );
  const how = header.derived?.how;
  if (how === 'window' || how === 'lines' || how === 'minimize') {
    throw refuse('it is a part of a recording, and a machine starts at the start');
  }
  if (force) return;
  if (machine?.deterministic === false) {
    throw refuse(`it was recorded on ${machine.name}, which does not run the same way twice`);
  }
  if (dma === 'at-sync') throw refuse('its DMA was recorded at sync points only', ', or set force');
}

/** Lets the machine run, and compares. */
class MachineReplayTap extends ReplayTap {
  #clock: Clock | undefined;
  #gate: ReplayGate | undefined;
  #waiting: TimerHandle | undefined;

  override environment(given: DeviceEnvironment): DeviceEnvironment {
    const { clock } = given;
    this.#clock = clock;
    this.session.nowNs = () => clock.nowNs();
    return super.environment(given);
  }

  override opened(device: VfioPlatformDevice): void {
    super.opened(device);
    this.#gate = new ReplayGate(this.session, () => this.#schedule());
    gateCalls(this.#gate, device, this.session.trace.header.directMapping);
    this.#schedule();
  }

  protected override startTimer(clock: Clock, delayNs: number): TimerHandle {
    return clock.setTimer(delayNs, () => {
      this.timerRuns = false;
      this.#gate?.begin(ops.OP_TIMER);
      this.timer?.();
      this.#gate?.end();
    });
  }

  /** Has the clock bring the next stimulus, where one comes before the next call. */
  #schedule(): void {
    const { session } = this;
    this.#waiting?.cancel();
    this.#waiting = undefined;
    if (!session.cursor.peek() || session.event.depth !== session.depth) return;
    if (ops.opShape(session.event.op)?.kind !== 'stimulus') return;
    const clock = this.#clock as Clock;
    const delayNs = Math.max(0, session.event.timeNs - clock.nowNs());
    this.#waiting = clock.setTimer(delayNs, () => {
      this.#waiting = undefined;
      session.deliver();
      this.#schedule();
    });
  }
}

interface Begun {
  readonly op: number;
  readonly begun: boolean;
  readonly results: readonly [number, number];
}

/** Compares the calls of a machine with those of the trace. */
class ReplayGate implements CallGate {
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
    const { op, begun, results } = this.#stack.pop() as Begun;
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
    const { op, begun } = this.#stack.pop() as Begun;
    if (error instanceof VfioError && error.code.startsWith('TRACE_')) return;
    this.#session.leaveThrown(op, begun, error);
    this.#atRest();
  }

  moveLine(op: number, line: number, move: () => void): void {
    this.#session.within(op, move, line);
  }

  closed(): void {}

  #begin(op: number, a: number, b: number, c: number, d: number, input?: Uint8Array): void {
    const session = this.#session;
    const now = (session.nowNs as () => number)();
    this.#bringDue(now, () => actualText(op, [a, b, c, d], input));
    const begun = session.enter(op, a, b, c, d, 0, 0, input);
    if (session.timeNs !== now) {
      const text = `${actualText(op, [a, b, c, d], input)} at ${now} ns`;
      throw session.diverged(text, true);
    }
    const [first = 0, second = 0] = session.event.results;
    this.#stack.push({ op, begun, results: [first, second] });
  }

  /** Stimuli that come before the call, at this same time. */
  #bringDue(now: number, actual: () => string): void {
    const session = this.#session;
    const { cursor, event } = session;
    while (cursor.peek() && event.depth === session.depth) {
      if (ops.opShape(event.op)?.kind !== 'stimulus') return;
      if (event.timeNs > now) throw session.diverged(`${actual()} at ${now} ns`);
      session.stimulate();
    }
  }
}
