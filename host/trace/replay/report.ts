import { VfioError } from '../../errors';
import type { Trace } from '../format/trace';
import type { CoreReplayOptions } from './core-options';
import { CoreReplay } from './core-replay';
import { DivergenceError } from './divergence';

/** What came of a core replay. */
export interface CoreReplayReport {
  /** The whole recording was done again, and nothing differed. */
  readonly ok: boolean;
  readonly events: number;
  readonly accesses: number;
  readonly divergence: DivergenceError['divergence'] | undefined;
  /** Why the recording ends before its end, where it does. */
  readonly cut: string | undefined;
}

/**
 * Replays a trace from start to end.
 * @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED, TRACE_MISMATCH
 */
export async function replayCore(
  trace: Trace,
  options: CoreReplayOptions = {},
): Promise<CoreReplayReport> {
  let replay: CoreReplay | undefined;
  let divergence: DivergenceError['divergence'] | undefined;
  let cut = trace.cut?.reason;
  try {
    replay = await CoreReplay.start(trace, options);
    replay.run();
  } catch (error) {
    if (error instanceof DivergenceError) divergence = error.divergence;
    else if (error instanceof VfioError && error.code === 'TRACE_ENDED') cut ??= error.message;
    else throw error;
  } finally {
    replay?.dispose();
  }
  return {
    ok: divergence === undefined && cut === undefined,
    events: divergence?.event ?? trace.totals.events,
    accesses: divergence?.access ?? trace.totals.accesses,
    divergence,
    cut,
  };
}
