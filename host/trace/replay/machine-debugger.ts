import type { VfioPlatformDevice } from '../../device/device';
import { VfioError } from '../../errors';
import type { Machine } from '../../machines/contract';
import type { Trace } from '../format/trace';
import { MACHINE_INTERVAL_EVENTS } from '../limits';
import { DivergenceError } from './divergence';
import type { KeptPlace } from './kept-places';
import type { ReplayHostOptions } from './machine-replay';
import { callAround } from './navigation';
import type { BootGuest } from './replayed-guest';
import { type MachineSetup, ReplayedMachine } from './replayed-machine';
import type { ReplaySession } from './session';
import { ReplayWalk } from './walk';

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
 * run again from the start, which takes as long as it took to get there; so is
 * one from which a device was taken out since then.
 *
 * Of recordings that were made together, the one that was cut off first ends the
 * walk, whichever is walked through: from there on nothing is known of its device.
 */
export class MachineDebugger extends ReplayWalk {
  readonly mode = 'machine';
  readonly #setup: MachineSetup;
  /** Another one after it was booted again. */
  #replayed: ReplayedMachine;
  /** Steps behind which an instruction would do what was cut off. */
  #lastStep = Number.POSITIVE_INFINITY;
  #endedBy: Trace | undefined;

  private constructor(setup: MachineSetup, replayed: ReplayedMachine) {
    super(setup.walk);
    this.#setup = setup;
    this.#replayed = replayed;
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
    const { walk = traces[0], interval = MACHINE_INTERVAL_EVENTS } = options;
    if (walk === undefined || !traces.includes(walk)) {
      throw new VfioError('OPTION_INVALID', 'the recording to walk through is not among them');
    }
    if (!(interval >= 1)) {
      throw new VfioError('OPTION_INVALID', 'the interval must be at least 1 event');
    }
    const setup = { traces, boot, options, walk, interval };
    return new MachineDebugger(setup, await ReplayedMachine.boot(setup));
  }

  get device(): VfioPlatformDevice | undefined {
    return this.session.device;
  }

  /** The machine; another object after it was booted again. */
  get machine(): Machine {
    return this.#replayed.guest.machine;
  }

  /** Whether the machine can keep its state, so that going back is quick. */
  get keepsState(): boolean {
    return this.machine.keepState !== undefined;
  }

  get timeNs(): number {
    return this.machine.clock.nowNs();
  }

  /** Instructions of the guest, and steps of its sleep, since the start. */
  get step(): number {
    return this.#replayed.step;
  }

  override get ended(): boolean {
    return super.ended || this.endedBy !== undefined;
  }

  /** The recording that was cut off, where the walk ends here because of that. */
  get endedBy(): Trace | undefined {
    if (this.step >= this.#lastStep) return this.#endedBy;
    return this.#replayed.endedBy;
  }

  protected get session(): ReplaySession {
    return this.#replayed.session;
  }

  protected get start(): number {
    return this.#replayed.start;
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
    const target = Math.max(callAround(this.trace, asked), this.start);
    const place = this.#replayed.placeBefore((each) => each.event <= target);
    const { broken } = this.#replayed;
    if (broken || this.position > target || (place && place.event > this.position)) {
      await this.#goTo(place);
    }
    try {
      this.#forward(() => this.position >= target);
    } catch (error) {
      if (!isEnd(error)) throw error;
      await this.#seekStep(this.#lastStep);
    }
    // It is in the middle of what one instruction does: that instruction is still to come.
    if (this.position > target && this.step > 0) await this.#seekStep(this.step - 1);
  }

  /**
   * Finds out between which checkpoints of the recording a divergence came about,
   * and what of the core's state is not as it was recorded.
   */
  async locate(error: DivergenceError): Promise<DivergenceError> {
    const device = error.device ?? this.trace.header.device.name;
    return new DivergenceError(device, await this.#replayed.host.locate(error.divergence));
  }

  dispose(): void {
    this.#replayed.dispose();
  }

  /** Goes to where the guest has made so many steps. */
  async #seekStep(step: number): Promise<void> {
    await this.#goTo(this.#replayed.placeBefore((each) => each.step <= step));
    this.#forward(() => this.step >= step);
  }

  async #goTo(place: KeptPlace | undefined): Promise<void> {
    if (place !== undefined && this.#replayed.goTo(place)) return;
    this.#replayed.dispose();
    this.#replayed = await ReplayedMachine.boot(this.#setup);
  }

  /** Runs until `there` is true or nothing more comes. */
  #forward(there: () => boolean): void {
    const replayed = this.#replayed;
    try {
      replayed.forward(() => there() || replayed.step >= this.#lastStep);
    } catch (error) {
      if (isEnd(error)) {
        this.#lastStep = replayed.step;
        this.#endedBy = this.#setup.traces.find(
          ({ header }) => header.device.name === error.device,
        );
        // Back to before the instruction, where that can be done at once.
        const place = replayed.placeBefore(({ step }) => step <= this.#lastStep);
        if (place !== undefined && replayed.goTo(place)) {
          replayed.forward(() => replayed.step >= this.#lastStep);
          return;
        }
      }
      throw error;
    }
  }
}

/** Whether an error says that a recording was cut off. */
function isEnd(error: unknown): error is VfioError {
  return error instanceof VfioError && error.code === 'TRACE_ENDED';
}
