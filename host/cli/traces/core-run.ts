import { VfioError } from '../../errors';
import {
  CoreReplay,
  type CoreReplayOptions,
  type Divergence,
  DivergenceError,
  locateDivergence,
  type Trace,
} from '../../trace';
import type { Terminal } from '../environment';
import { CommandError } from '../failure';
import { EVENTS_PER_TURN } from '../limits';
import { Progress } from './progress';

/** What came of a core replay. */
export interface ReplayOutcome {
  readonly divergence: Divergence | undefined;
  /** Why the recording ends before its end, where it does. */
  readonly cut: string | undefined;
  /** Number of the next event. */
  readonly position: number;
}

/**
 * Replays a trace up to `end`, in steps between which progress is told and
 * Ctrl-C is heard.
 *
 * @throws CommandError INTERRUPTED; VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED, TRACE_MISMATCH
 */
export async function coreReplay(
  trace: Trace,
  terminal: Terminal,
  what: string,
  options: CoreReplayOptions = {},
  end = Number.POSITIVE_INFINITY,
): Promise<ReplayOutcome> {
  const progress = new Progress(terminal, what);
  let replay: CoreReplay | undefined;
  const last = Math.min(end, trace.totals.events);
  let cut = trace.cut?.reason;
  let divergence: Divergence | undefined;
  try {
    replay = await CoreReplay.start(trace, options);
    while (!replay.ended && replay.position < last) {
      if (terminal.interrupted.aborted) throw new CommandError('INTERRUPTED', 'interrupted');
      replay.run(Math.min(replay.position + EVENTS_PER_TURN, last));
      progress.show(replay.position / last);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if (error instanceof DivergenceError) {
      divergence = await locateDivergence(trace, error.divergence, options);
    } else if (error instanceof VfioError && error.code === 'TRACE_ENDED') cut ??= error.message;
    else throw error;
  } finally {
    progress.end();
    replay?.dispose();
  }
  const position = divergence?.event ?? last;
  return { divergence, cut, position };
}
