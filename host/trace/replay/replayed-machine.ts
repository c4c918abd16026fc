import { VfioError } from '../../errors';
import { OP_CLOSE } from '../format/ops';
import type { Trace } from '../format/trace';
import { DivergenceError } from './divergence';
import { HostCaller } from './host-calls';
import { type KeptPlace, KeptPlaces } from './kept-places';
import {
  type MachineReplay,
  type ReplayHost,
  type ReplayHostOptions,
  replayMachine,
} from './machine-replay';
import { endOf } from './navigation';
import type { BootGuest, ReplayedGuest } from './replayed-guest';
import type { ReplaySession } from './session';
import type { RecordedTogether } from './together';

/** How a machine is booted on recordings. */
export interface MachineSetup {
  readonly traces: readonly Trace[];
  readonly boot: BootGuest;
  readonly options: ReplayHostOptions;
  /** The recording whose events are counted. */
  readonly walk: Trace;
  /** Events of it after which the machine keeps its state. */
  readonly interval: number;
}

/** A guest that was booted on recordings, and runs as far as it is let. */
export class ReplayedMachine {
  readonly host: ReplayHost;
  readonly guest: ReplayedGuest;
  /** Of the recording whose events are counted. */
  readonly session: ReplaySession;
  /** Where it stood when it had been booted. */
  readonly start: number;
  /** Instructions, and steps of sleep, since the start. */
  step = 0;
  /** It failed: the machine is in the middle of something. */
  broken = false;
  readonly #replays: readonly MachineReplay[];
  readonly #together: RecordedTogether;
  readonly #calls: HostCaller;
  readonly #places: KeptPlaces;
  /** The last that is recorded. */
  readonly #endNs: number;
  /** Sum of the positions for which the next call of the host was looked for. */
  #at = -1;
  #nextCall: ReplaySession | undefined;

  private constructor(
    { walk, interval }: MachineSetup,
    host: ReplayHost,
    replays: readonly MachineReplay[],
    guest: ReplayedGuest,
  ) {
    this.host = host;
    this.guest = guest;
    this.#replays = replays;
    const sessions = replays.map(({ session }) => session);
    this.session = sessions.find(({ trace }) => trace === walk) as ReplaySession;
    this.#together = this.session.together as RecordedTogether;
    this.#endNs = endOfRun(this.#together);
    const lastNs = Math.max(...sessions.map(({ trace }) => endOf(trace).timeNs));
    this.#calls = new HostCaller(guest.unplug?.bind(guest), lastNs);
    for (const { tap } of replays) tap?.makeHostCalls(this.#calls);
    this.#places = new KeptPlaces(guest.machine, replays, interval);
    this.start = this.position;
  }

  /** @throws DivergenceError; VfioError TRACE_*, OPTION_INVALID where a device was not plugged in */
  static async boot(setup: MachineSetup): Promise<ReplayedMachine> {
    const { host, replays } = replayMachine(setup.traces, setup.options);
    const guest = await setup.boot(host);
    for (const { session, tap } of replays) {
      if (tap !== undefined && session.device !== undefined) continue;
      disposeOf(guest, replays);
      const { name } = session.trace.header.device;
      throw new VfioError('OPTION_INVALID', `the recorded device ${name} was not plugged in`);
    }
    return new ReplayedMachine(setup, host, replays, guest);
  }

  /** Number of the next event. */
  get position(): number {
    return this.session.position;
  }

  /** The recording that was cut off first, where it has no whole call left. */
  get endedBy(): Trace | undefined {
    return this.#together.ended?.trace;
  }

  /** The last kept place for which `fits` is true. */
  placeBefore(fits: (place: KeptPlace) => boolean): KeptPlace | undefined {
    return this.#places.before(fits);
  }

  /** Goes to a kept place. @returns false where that cannot be done; it then has to be booted again */
  goTo(place: KeptPlace): boolean {
    if (!place.restore()) return false;
    this.step = place.step;
    this.broken = false;
    this.#at = -1;
    return true;
  }

  /**
   * Runs until `there` is true or nothing more comes.
   * @throws DivergenceError; VfioError TRACE_ENDED where a recording was cut off
   *   within the instruction that comes after `step`
   */
  forward(there: () => boolean): void {
    const { clock } = this.guest.machine;
    try {
      while (!there() && this.endedBy === undefined) {
        if (this.#makeDueCall(clock.nowNs())) continue;
        if (clock.nowNs() >= this.#endNs) {
          this.#checkEnd(Number.POSITIVE_INFINITY);
          break;
        }
        this.#places.keepIfDue(this.position, this.step);
        this.#run(there);
      }
      if (this.endedBy !== undefined) this.#checkEnd(clock.nowNs());
    } catch (error) {
      this.broken = true;
      throw replayErrorIn(error);
    }
  }

  dispose(): void {
    disposeOf(this.guest, this.#replays);
  }

  #run(there: () => boolean): void {
    const places = this.#places;
    const { machine } = this.guest;
    const { clock } = machine;
    // Asked first where it stands already.
    let asked = 0;
    let stopped = false;
    this.guest.run(() => {
      if (asked > 0) this.step++;
      asked++;
      stopped =
        there() ||
        this.#isCallDue(clock.nowNs()) ||
        places.isDue(this.position) ||
        this.endedBy !== undefined;
      return stopped;
    }, this.#endNs - clock.nowNs());
    if (stopped || asked > 1 || clock.nowNs() >= this.#endNs) return;
    throw new VfioError(
      'MACHINE',
      `${machine.name}: run() of the replayed guest neither ran it nor let its time go by`,
    );
  }

  /**
   * Whether a call of the host should have been made by now. The clock brings
   * those that come while the guest runs; these are the ones from before that.
   */
  #isCallDue(nowNs: number): boolean {
    const { sessions } = this.#together;
    let at = 0;
    for (const session of sessions) at += session.position;
    if (at !== this.#at) {
      this.#at = at;
      this.#nextCall = undefined;
      for (const session of sessions) {
        if (!this.#calls.isNext(session)) continue;
        const earliest = this.#nextCall?.event.timeNs ?? Number.POSITIVE_INFINITY;
        if (session.event.timeNs < earliest) this.#nextCall = session;
      }
    }
    return this.#nextCall !== undefined && nowNs >= this.#nextCall.event.timeNs;
  }

  #makeDueCall(nowNs: number): boolean {
    if (!this.#isCallDue(nowNs)) return false;
    const session = this.#nextCall as ReplaySession;
    const { event } = session;
    if (nowNs > event.timeNs && this.#calls.canMake(session)) {
      const { name } = session.trace.header.device;
      throw new VfioError(
        'MACHINE',
        `${name}: the clock of ${this.guest.machine.name} fired no timer at ${event.timeNs} ns, ` +
          `when the recording has a call ${event.name}`,
        { device: name },
      );
    }
    return this.#calls.make(session);
  }

  /** The recorded run had nothing else in it so far. @throws DivergenceError */
  #checkEnd(nowNs: number): void {
    const missed = this.#together.missedBefore(
      nowNs,
      ({ event }) => event.op !== OP_CLOSE || event.depth > 0,
    );
    if (missed) throw missed.diverged('nothing more, to the end of the run');
  }
}

/** Guest time at which nothing of the recordings is left, or of the first one that was cut off. */
function endOfRun({ sessions, firstEndNs }: RecordedTogether): number {
  const ends = sessions.map(({ trace }) => endOf(trace).timeNs + (trace.finalised ? 0 : 1));
  // The last that is known is what one instruction begins to do then.
  return Math.min(firstEndNs + 1, Math.max(...ends));
}

function disposeOf(guest: ReplayedGuest, replays: readonly MachineReplay[]): void {
  for (const { session } of replays) session.muted = true;
  try {
    guest.dispose();
  } catch {
    // It may be in the middle of a call that diverged.
  }
}

/** An emulator may wrap what a device throws. */
function replayErrorIn(error: unknown): unknown {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof DivergenceError) return each;
    if (each instanceof VfioError && each.code === 'TRACE_ENDED') return each;
  }
  return error;
}
