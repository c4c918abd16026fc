import { callAround, endOf, hasItsClosing } from './navigation';
import type { ReplaySession } from './session';

interface CutSession {
  readonly session: ReplaySession;
  /** The last place between two calls. */
  readonly end: number;
  /** When its last event was. */
  readonly endNs: number;
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
  /** When the first of them ends: what the others did then may come from what is lost. */
  readonly firstEndNs: number;

  constructor(sessions: readonly ReplaySession[]) {
    this.sessions = sessions;
    this.#cut = sessions
      .filter(({ trace }) => !hasItsClosing(trace))
      .map((session) => {
        const { trace } = session;
        const end = callAround(trace, trace.totals.events);
        return { session, end, endNs: endOf(trace).timeNs };
      });
    this.firstEndNs = Math.min(...this.#cut.map(({ endNs }) => endNs));
  }

  /** Whether nothing that follows can be compared: one differed, or was cut off here. */
  get over(): boolean {
    return this.ended !== undefined || this.sessions.some(({ divergence }) => divergence);
  }

  /** The one that was cut off and has no whole call left. */
  get ended(): ReplaySession | undefined {
    return this.#cut.find(({ session, end }) => session.position >= end)?.session;
  }

  /** The one that was cut off and has nothing left, where that was before this time. */
  endedBefore(nowNs: number): ReplaySession | undefined {
    return this.#cut.find(({ session }) => session.ended && session.timeNs < nowNs)?.session;
  }

  /**
   * Of those with something left that was to come before this time, as far as the
   * run is known, the one with the earliest.
   * @param counts whether what is next in a session is looked at
   */
  missedBefore(
    nowNs: number,
    counts: (session: ReplaySession) => boolean = () => true,
  ): ReplaySession | undefined {
    let missed: ReplaySession | undefined;
    for (const session of this.sessions) {
      const { cursor, event } = session;
      if (!cursor.peek() || event.timeNs >= nowNs) continue;
      if (event.timeNs >= this.#knownUntil(session) || !counts(session)) continue;
      if (missed === undefined || event.timeNs < missed.event.timeNs) missed = session;
    }
    return missed;
  }

  /** The time from which on a session may do otherwise than recorded. */
  #knownUntil(session: ReplaySession): number {
    const { firstEndNs } = this;
    const endsFirst = this.#cut.some((cut) => cut.session === session && cut.endNs === firstEndNs);
    return endsFirst ? firstEndNs + 1 : firstEndNs;
  }
}
