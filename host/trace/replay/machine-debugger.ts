import type { VfioPlatformDevice } from '../../device/device';
import { VfioError } from '../../errors';
import type { Machine } from '../../machines/contract';
import type { Trace } from '../format/trace';
import { MACHINE_INTERVAL_EVENTS } from '../limits';
import { DivergenceError } from './divergence';
import { HostCalls } from './host-calls';
import { KeptPlaces } from './kept-places';
import {
  type MachineReplay,
  type ReplayHost,
  type ReplayHostOptions,
  replayMachine,
} from './machine-replay';
import { callAround } from './navigation';
import type { ReplaySession } from './session';
import { ReplayWalk } from './walk';

/** A machine with the recorded devices in it, and a guest. */
export interface ReplayedGuest {
  readonly machine: Machine;
  /**
   * Runs the guest until `stop` is true, which is asked between any two of its
   * instructions, or until `limitNs` of guest time went by, also through a sleep
   * that nothing ends.
   */
  run(stop: () => boolean, limitNs: number): void;
  /** Takes the devices out and lets go of the machine. */
  dispose(): void;
}

/**
 * Makes the machine as it was when it was recorded, plugs the devices in from
 * `host` as they were, and leaves the guest before its first instruction. Called
 * again to go back, where the machine cannot keep its state.
 */
export type BootGuest = (host: ReplayHost) => Promise<ReplayedGuest>;

export interface MachineDebuggerOptions extends ReplayHostOptions {
  /** The recording whose events are walked through; the first one unless given. */
  readonly walk?: Trace;
  /** Events of it after which the machine keeps its state, at least 1; 16 384 unless given. */
  readonly interval?: number;
}

/**
 * Walks through recordings with the machine and its guest: between two
 * instructions it stands still, and everything of the guest can be looked at.
 *
 * Back it goes to the last state that the machine has kept, and from there
 * forward again. A machine that cannot keep its state (`Machine.keepState`) is
 * run again from the start, which takes as long as it took to get there.
 */
export class MachineDebugger extends ReplayWalk {
  readonly mode = 'machine';
  readonly #boot: BootGuest;
  readonly #traces: readonly Trace[];
  readonly #options: MachineDebuggerOptions;
  readonly #interval: number;
  // All of these are new when the guest was booted again.
  #host!: ReplayHost;
  #replays!: readonly MachineReplay[];
  #main!: MachineReplay;
  #guest!: ReplayedGuest;
  #calls!: HostCalls;
  #places!: KeptPlaces;
  #start = 0;
  /** Instructions, and steps of sleep, since the start. */
  #step = 0;
  /** It differed: the machine is in the middle of something. */
  #broken = false;

  private constructor(
    traces: readonly Trace[],
    boot: BootGuest,
    walk: Trace,
    options: MachineDebuggerOptions,
  ) {
    super(walk);
    this.#traces = traces;
    this.#boot = boot;
    this.#options = options;
    this.#interval = options.interval ?? MACHINE_INTERVAL_EVENTS;
    if (!(this.#interval >= 1)) {
      throw new VfioError('OPTION_INVALID', 'the interval must be at least 1 event');
    }
  }

  /**
   * Boots the guest; it then stands before its first instruction.
   * @throws DivergenceError; VfioError TRACE_*
   */
  static async start(
    traces: readonly Trace[],
    boot: BootGuest,
    options: MachineDebuggerOptions = {},
  ): Promise<MachineDebugger> {
    const walk = options.walk ?? traces[0];
    if (walk === undefined || !traces.includes(walk)) {
      throw new VfioError('OPTION_INVALID', 'the recording to walk through is not among them');
    }
    const it = new MachineDebugger(traces, boot, walk, options);
    await it.#bootAgain();
    return it;
  }

  get device(): VfioPlatformDevice | undefined {
    return this.#main.session.device;
  }

  /** The machine; another object after it was booted again. */
  get machine(): Machine {
    return this.#guest.machine;
  }

  /** Whether the machine can keep its state, so that going back is quick. */
  get keepsState(): boolean {
    return this.#guest.machine.keepState !== undefined;
  }

  get timeNs(): number {
    return this.machine.clock.nowNs();
  }

  /** Instructions of the guest, and steps of its sleep, since the start. */
  get step(): number {
    return this.#step;
  }

  protected get session(): ReplaySession {
    return this.#main.session;
  }

  protected get start(): number {
    return this.#start;
  }

  stepForward(): boolean {
    this.leave();
    if (this.ended) return false;
    const here = this.position;
    this.#forward(() => this.position > here);
    return this.position > here;
  }

  async seek(event: number): Promise<void> {
    this.leave();
    const asked = Math.min(event, this.trace.totals.events);
    const target = Math.max(callAround(this.trace, asked), this.#start);
    const place = this.#places.before((each) => each.event <= target);
    if (this.#broken || this.position > target || (place && place.event > this.position)) {
      await this.#goTo(place);
    }
    this.#forward(() => this.position >= target);
    // It is in the middle of what one instruction does: that instruction is still to come.
    if (this.position > target && this.#step > 0) await this.#seekStep(this.#step - 1);
  }

  /**
   * Finds out between which checkpoints of the recording a divergence came about,
   * and what of the core's state is not as it was recorded.
   */
  async locate(error: DivergenceError): Promise<DivergenceError> {
    const device = error.device ?? this.trace.header.device.name;
    return new DivergenceError(device, await this.#host.locate(error.divergence));
  }

  dispose(): void {
    for (const { session } of this.#replays) session.muted = true;
    try {
      this.#guest.dispose();
    } catch {
      // It may be in the middle of a call that diverged.
    }
  }

  /** Goes to where the guest has made so many steps. */
  async #seekStep(step: number): Promise<void> {
    await this.#goTo(this.#places.before((each) => each.step <= step));
    this.#forward(() => this.#step >= step);
  }

  async #goTo(place: ReturnType<KeptPlaces['before']>): Promise<void> {
    if (place?.restore()) {
      this.#step = place.step;
      this.#broken = false;
      this.#calls.update();
    } else {
      this.dispose();
      await this.#bootAgain();
    }
  }

  async #bootAgain(): Promise<void> {
    const { host, replays } = replayMachine(this.#traces, this.#options);
    this.#host = host;
    this.#replays = replays;
    this.#main = replays.find(({ session }) => session.trace === this.trace) as MachineReplay;
    this.#guest = await this.#boot(host);
    for (const { session, tap } of replays) {
      if (tap !== undefined && session.device !== undefined) continue;
      this.dispose();
      const { name } = session.trace.header.device;
      throw new VfioError('OPTION_INVALID', `the recorded device ${name} was not plugged in`);
    }
    this.#calls = new HostCalls(replays);
    this.#places = new KeptPlaces(this.#guest.machine, replays, this.#interval);
    this.#start = this.position;
    this.#step = 0;
    this.#broken = false;
  }

  /** Runs until `there` is true or nothing more comes. @throws DivergenceError */
  #forward(there: () => boolean): void {
    const { clock } = this.machine;
    try {
      while (!there()) {
        if (this.#calls.makeDue(clock.nowNs())) continue;
        const untilNs = this.#calls.untilNs;
        if (clock.nowNs() >= untilNs) {
          this.#checkEnd();
          break;
        }
        this.#places.keepIfDue(this.position, this.#step);
        this.#run(there, untilNs);
      }
    } catch (error) {
      this.#broken = true;
      throw divergenceIn(error);
    }
  }

  /** The recorded run was as long as this one. @throws DivergenceError when it had more in it */
  #checkEnd(): void {
    const session = this.#calls.unfinished();
    if (session) throw session.diverged('nothing more, to the end of the run');
  }

  #run(there: () => boolean, untilNs: number): void {
    const calls = this.#calls;
    const places = this.#places;
    const { clock } = this.machine;
    // Asked first where it stands already.
    let asked = 0;
    let stopped = false;
    this.#guest.run(() => {
      if (asked > 0) this.#step++;
      asked++;
      stopped = there() || calls.isDue(clock.nowNs()) || places.isDue(this.position);
      return stopped;
    }, untilNs - clock.nowNs());
    if (stopped || asked > 1 || clock.nowNs() >= untilNs) return;
    throw new VfioError(
      'MACHINE',
      `${this.machine.name}: run() of the replayed guest neither ran it nor let its time go by`,
    );
  }
}

/** An emulator may wrap what a device throws. */
function divergenceIn(error: unknown): unknown {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof DivergenceError) return each;
  }
  return error;
}
