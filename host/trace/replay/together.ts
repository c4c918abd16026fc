import { callAround, hasItsClosing } from './navigation';
import type { ReplaySession } from './session';

interface CutSession {
  readonly session: ReplaySession;
  /** The last place between two calls. */
  readonly end: number;
}

/**
 * The recordings that one machine runs on. They were made together: where one of
 * them was cut off, nothing is known of that device any more, and so nothing of
 * what the guest did from there on, whatever the others have left.
 */
export class RecordedTogether {
  readonly sessions: readonly ReplaySession[];
  /** Those that were cut off while the device was still there. */
  readonly #cut: readonly CutSession[];

  constructor(sessions: readonly ReplaySession[]) {
    this.sessions = sessions;
    this.#cut = sessions
      .filter(({ trace }) => !hasItsClosing(trace))
      .map((session) => {
        const { trace } = session;
        return { session, end: callAround(trace, trace.totals.events) };
      });
  }

  /** Whether nothing that follows can be compared: one differed, or was cut off here. */
  get over(): boolean {
    return this.ended !== undefined || this.sessions.some(({ divergence }) => divergence);
  }

  /** Whether one was cut off before its device was closed. */
  get isCut(): boolean {
    return this.#cut.length > 0;
  }

  /** The one that was cut off and has no whole call left. */
  get ended(): ReplaySession | undefined {
    return this.#cut.find(({ session, end }) => session.position >= end)?.session;
  }

  /** The one that was cut off and has nothing left, where that was before this time. */
  endedBefore(nowNs: number): ReplaySession | undefined {
    return this.#cut.find(({ session }) => session.ended && session.timeNs < nowNs)?.session;
  }
}
