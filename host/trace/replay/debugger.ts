import type { VfioPlatformDevice } from '../../device/device';
import type { Trace } from '../format/trace';
import type { CoreReplayOptions } from './core-options';
import { CoreReplay } from './core-replay';
import { callAround } from './navigation';
import type { ReplaySession } from './session';
import { ReplayWalk } from './walk';

/**
 * Walks through a recording with the core alone. It stands between calls; what
 * is asked to be inside a call stands before it. After an error it stands nowhere
 * and says so, until the next seek.
 */
export class TraceDebugger extends ReplayWalk {
  readonly mode = 'core';
  readonly #options: CoreReplayOptions;
  #replay: CoreReplay;
  /** What went wrong: the core is in the middle of something. */
  #failure: unknown;

  private constructor(trace: Trace, options: CoreReplayOptions, replay: CoreReplay) {
    super(trace);
    this.#options = options;
    this.#replay = replay;
  }

  /** Starts behind the opening of the device. @throws DivergenceError; VfioError TRACE_* */
  static async start(trace: Trace, options: CoreReplayOptions = {}): Promise<TraceDebugger> {
    return new TraceDebugger(trace, options, await CoreReplay.start(trace, options));
  }

  get device(): VfioPlatformDevice | undefined {
    return this.#replay.device;
  }

  get timeNs(): number {
    return this.#replay.session.timeNs;
  }

  protected get session(): ReplaySession {
    return this.#replay.session;
  }

  protected get start(): number {
    // The opening is where a debugger starts; there is nothing before it.
    return 0;
  }

  /** The state here as the contents of a checkpoint. @throws VfioError TRACE_UNSUPPORTED */
  checkpoint(): Uint8Array {
    this.#checkWhole();
    return this.#replay.checkpoint();
  }

  stepForward(): boolean {
    this.leave();
    this.#checkWhole();
    return !this.ended && this.#running(() => this.#replay.step());
  }

  /**
   * Uses the checkpoints of the recording, so the way is never longer than from
   * one checkpoint to the next.
   */
  async seek(event: number): Promise<void> {
    this.leave();
    const target = Math.min(event, this.trace.totals.events);
    const place = this.trace.checkpointBefore(target);
    const forward = this.#failure === undefined && this.position <= target;
    if (!forward || (place !== undefined && place.event > this.position)) {
      const there =
        place && (await CoreReplay.at(this.trace, place, this.#options).catch(() => undefined));
      if (there !== undefined || !forward) {
        this.#replay.dispose();
        this.#replay = there ?? (await CoreReplay.start(this.trace, this.#options));
        this.#failure = undefined;
      }
    }
    this.#running(() => this.#replay.run(callAround(this.trace, target)));
  }

  #running<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Only a seek leads out of what an error has left. */
  #checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  dispose(): void {
    this.#replay.dispose();
  }
}
