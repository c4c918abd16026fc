import { EFFECTS_LOST } from '../../../assembly/state/layout';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEnvironment } from '../../device/open';
import { VfioError } from '../../errors';
import type { Clock, TimerHandle } from '../../time/clock';
import { gateCalls } from '../calls';
import * as ops from '../format/ops';
import { CheckpointComparison } from './checkpoint-comparison';
import { stateOf } from './core-state';
import { ReplayGate } from './gate';
import { ReplayTap } from './tap';

/** Lets the machine run, and compares. */
export class MachineReplayTap extends ReplayTap {
  #clock: Clock | undefined;
  #gate: ReplayGate | undefined;
  #waiting: TimerHandle | undefined;
  /** What was found where the recording has checkpoints. */
  readonly checkpoints = new CheckpointComparison(this.session.trace);

  override environment(given: DeviceEnvironment): DeviceEnvironment {
    const { clock } = given;
    this.#clock = clock;
    this.session.nowNs = () => clock.nowNs();
    this.session.onPlace = () => this.#compare();
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
    if (session.muted) return;
    this.#compare();
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

  /** Compares the core's state with that of the recording, where it has a checkpoint. */
  #compare(): void {
    const { session, checkpoints, memory } = this;
    if (session.depth > 0 || memory === undefined) return;
    if (session.position >= checkpoints.next)
      checkpoints.compare(session.position, stateOf(memory));
  }

  /**
   * Keeps the device as it is, between two instructions of the guest. The timers
   * are the machine's to bring back.
   * @returns brings it back, before anything else happens; false where that cannot be done
   */
  keep(): () => boolean {
    const { session, memory, windows } = this;
    if (memory === undefined || session.depth > 0 || this.#gate?.idle !== true) {
      throw new VfioError('TRACE_UNSUPPORTED', 'the device is in the middle of a call');
    }
    const state = stateOf(memory).slice();
    const mapped = windows.list();
    const { timerRuns, running } = this;
    const waiting = this.#waiting;
    const { position, timeNs, disconnections } = session;
    const lost = memory.word(EFFECTS_LOST);
    return () => {
      // The device remembers by itself how many it has told of.
      if (session.device?.closed !== false || memory.word(EFFECTS_LOST) !== lost) return false;
      // The device has let go of the line's target.
      if (session.disconnections !== disconnections) return false;
      stateOf(memory).set(state);
      windows.restore(mapped);
      this.timerRuns = timerRuns;
      this.running = running;
      this.#waiting = waiting;
      this.#gate?.forget();
      session.seek(position, timeNs);
      this.checkpoints.rewind(position);
      return true;
    };
  }
}
