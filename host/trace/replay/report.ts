import { VfioError } from '../../errors';
import type { Trace } from '../format/trace';
import type { CoreReplayOptions } from './core-options';
import { CoreReplay } from './core-replay';
import { type Divergence, DivergenceError } from './divergence';
import { locateInCore } from './locate';

/** What came of a core replay. */
export interface CoreReplayReport {
  /** The whole recording was done again, and nothing differed. */
  readonly ok: boolean;
  readonly events: number;
  readonly accesses: number;
  readonly divergence: Divergence | undefined;
  /** Why the recording ends before its end, where it does. */
  readonly cut: string | undefined;
}

/**
 * Finds out between which checkpoints of a recording a core replay began to
 * differ, and what of the core's state. With another build of the core, the
 * embedded one runs beside it, to find the call.
 */
export async function locateDivergence(
  trace: Trace,
  divergence: Divergence,
  { core }: CoreReplayOptions = {},
): Promise<Divergence> {
  try {
    return await locateInCore(
      trace,
      divergence,
      core === undefined ? {} : { core },
      core === undefined ? undefined : {},
    );
  } catch (error) {
    // The recording is damaged, say; the difference is what counts.
    if (error instanceof VfioError) return divergence;
    throw error;
  }
}

/**
 * Replays a trace from start to end. Where it differs, the report also says
 * between which checkpoints that came about.
 * @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED, TRACE_MISMATCH
 */
export async function replayCore(
  trace: Trace,
  options: CoreReplayOptions = {},
): Promise<CoreReplayReport> {
  let replay: CoreReplay | undefined;
  let divergence: Divergence | undefined;
  let cut = trace.cut?.reason;
  try {
    replay = await CoreReplay.start(trace, options);
    replay.run();
  } catch (error) {
    if (error instanceof DivergenceError) {
      divergence = error.divergence;
      if (options.locate !== false) divergence = await locateDivergence(trace, divergence, options);
    } else if (error instanceof VfioError && error.code === 'TRACE_ENDED') cut ??= error.message;
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
