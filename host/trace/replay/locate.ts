import type { Trace, TraceCheckpoint } from '../format/trace';
import type { CoreReplayOptions } from './core-options';
import { CoreReplay } from './core-replay';
import { checkpointAt } from './core-state';
import { type Divergence, DivergenceError, type DivergenceInterval } from './divergence';
import type { MachineReplay } from './machine-replay';
import { callAround } from './navigation';
import { stateDifferences } from './state-difference';

/**
 * Finds the interval between two checkpoints of a recording in which a core
 * replay went another way: bisects with the states that the recording has, then
 * steps through the one interval with the recorded build beside it where that
 * can be run.
 *
 * @param options of the replay that diverged
 * @param reference another build of the core, which replays the recording
 */
export async function locateInCore(
  trace: Trace,
  divergence: Divergence,
  options: CoreReplayOptions,
  reference: CoreReplayOptions | undefined,
): Promise<Divergence> {
  const call = callAround(trace, divergence.event);
  const places = trace.checkpoints.filter(
    (place) => place.event <= call && checkpointAt(trace, place) !== undefined,
  );
  // Same at `low` (-1: the opening), another at `high`.
  let low = -1;
  let high = places.length;
  // The last one first: mostly the state is the recorded one until it shows.
  for (let middle = high - 1; low < middle; middle = (low + high) >> 1) {
    if (await isSameAt(trace, options, places[low], places[middle] as TraceCheckpoint))
      low = middle;
    else high = middle;
  }
  const from = places[low];
  const to = places[high];
  const found = await stepBoth(trace, options, reference, from, to?.event ?? call);
  if (found !== undefined) return withInterval(divergence, from, to, found);
  const recorded = to && checkpointAt(trace, to);
  const actual = to && recorded && (await stateAt(trace, options, from, to.event));
  return withInterval(divergence, from, to, {
    call: undefined,
    state: actual && recorded ? stateDifferences(recorded.state, actual) : [],
    before: to === undefined ? 'unknown' : 'other',
  });
}

type Found = Pick<DivergenceInterval, 'call' | 'state' | 'before'>;

function withInterval(
  divergence: Divergence,
  from: TraceCheckpoint | undefined,
  to: TraceCheckpoint | undefined,
  found: Found,
): Divergence {
  return { ...divergence, interval: { from: from?.event ?? 0, to: to?.event, ...found } };
}

/** Starts from a checkpoint at which the state is the recorded one. */
async function startAt(
  trace: Trace,
  options: CoreReplayOptions,
  from: TraceCheckpoint | undefined,
): Promise<CoreReplay> {
  const there = from && (await CoreReplay.at(trace, from, options));
  return there ?? (await CoreReplay.start(trace, options));
}

async function stateAt(
  trace: Trace,
  options: CoreReplayOptions,
  from: TraceCheckpoint | undefined,
  event: number,
): Promise<Uint32Array | undefined> {
  let replay: CoreReplay | undefined;
  try {
    replay = await startAt(trace, options, from);
    replay.run(event);
    return replay.state?.slice();
  } catch (error) {
    if (error instanceof DivergenceError) return undefined;
    throw error;
  } finally {
    replay?.dispose();
  }
}

async function isSameAt(
  trace: Trace,
  options: CoreReplayOptions,
  from: TraceCheckpoint | undefined,
  place: TraceCheckpoint,
): Promise<boolean> {
  const actual = await stateAt(trace, options, from, place.event);
  const recorded = checkpointAt(trace, place);
  if (actual === undefined || recorded === undefined) return false;
  return stateDifferences(recorded.state, actual, 1).length === 0;
}

/** Steps through an interval with both builds, up to the call after which their states differ. */
async function stepBoth(
  trace: Trace,
  options: CoreReplayOptions,
  reference: CoreReplayOptions | undefined,
  from: TraceCheckpoint | undefined,
  last: number,
): Promise<Found | undefined> {
  if (reference === undefined) return undefined;
  const replays: CoreReplay[] = [];
  try {
    for (const each of [reference, options]) replays.push(await startAt(trace, each, from));
    const [recorded, actual] = replays as [CoreReplay, CoreReplay];
    let call: number | undefined;
    let state = differences(recorded, actual);
    while (state.length === 0 && recorded.position <= last) {
      call = recorded.position;
      if (!recorded.step()) break;
      let diverged = false;
      try {
        actual.step();
      } catch (error) {
        if (!(error instanceof DivergenceError)) throw error;
        diverged = true;
      }
      state = differences(recorded, actual);
      if (diverged) return { call, state, before: 'same' };
    }
    return state.length === 0 ? undefined : { call, state, before: 'other' };
  } catch (error) {
    // The reference does not do what the recording says either.
    if (error instanceof DivergenceError) return undefined;
    throw error;
  } finally {
    for (const replay of replays) replay.dispose();
  }
}

function differences(recorded: CoreReplay, actual: CoreReplay) {
  const { state } = recorded;
  return state && actual.state ? stateDifferences(state, actual.state) : [];
}

/**
 * The same for a machine. It was compared with the checkpoints as it came to
 * them; what it had where it differs is compared with what the core has when it
 * replays the recording up to there.
 */
export async function locateInMachine(
  { session, tap }: MachineReplay,
  divergence: Divergence,
): Promise<Divergence> {
  const { trace, stateThere } = session;
  const { same = 0, other } = tap?.checkpoints ?? {};
  const interval = (found: Found, to?: number): Divergence => ({
    ...divergence,
    interval: { from: same, to, ...found },
  });
  if (other) return interval({ call: undefined, state: other.state, before: 'other' }, other.event);
  const from = trace.checkpoints.find(({ event }) => event === same);
  const place = callAround(trace, divergence.event);
  const recorded = stateThere && (await stateAt(trace, {}, from, place));
  if (recorded === undefined || stateThere === undefined) {
    return interval({ call: undefined, state: [], before: 'unknown' });
  }
  const state = stateDifferences(recorded, stateThere);
  return interval({ call: undefined, state, before: state.length === 0 ? 'same' : 'other' });
}
