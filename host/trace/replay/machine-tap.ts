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
import type { HostCaller } from './host-calls';
import { ReplayTap } from './tap';

/** Lets the machine run, and compares. */
export class MachineReplayTap extends ReplayTap {
  #clock: Clock | undefined;
  #gate: ReplayGate | undefined;
  #waiting: TimerHandle | undefined;
  #hostCalls: HostCaller | undefined;
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

  /** From here on, the calls of the host are made as well. */
  makeHostCalls(caller: HostCaller): void {
    const { session } = this;
    this.#hostCalls = caller;
    session.makeHostCall = () => caller.make(session);
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

  /** Has the clock bring what is next, where that comes from outside. */
  #schedule(): void {
    const { session } = this;
    this.#waiting?.cancel();
    this.#waiting = undefined;
    if (session.muted) return;
    this.#compare();
    const { cursor, event } = session;
    if (!cursor.peek() || event.depth !== session.depth) return;
    const { timeNs } = event;
    if (ops.opShape(event.op)?.kind === 'stimulus') {
      this.#wait(timeNs, () => {
        session.deliver();
        this.#schedule();
      });
    } else if (this.#hostCalls?.canMake(session)) {
      // Behind all that is due at that time: it may be one of the machine's own timers that calls.
      this.#wait(timeNs, () => this.#wait(timeNs, () => session.makeHostCall?.()));
    }
  }

  #wait(untilNs: number, then: () => void): void {
    const clock = this.#clock as Clock;
    this.#waiting = clock.setTimer(Math.max(0, untilNs - clock.nowNs()), () => {
      this.#waiting = undefined;
      then();
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
    const errors = [...this.errors];
    const { timerRuns, running } = this;
    const waiting = this.#waiting;
    const { position, timeNs, disconnections } = session;
    const lost = memory.word(EFFECTS_LOST);
    const closed = session.device?.closed;
    return () => {
      // The device remembers by itself how many it has told of.
      if (session.device?.closed !== closed || memory.word(EFFECTS_LOST) !== lost) return false;
      // The device has let go of the line's target.
      if (session.disconnections !== disconnections) return false;
      stateOf(memory).set(state);
      this.errors = errors;
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
