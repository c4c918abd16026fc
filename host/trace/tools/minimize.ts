import { Trace } from '../format/trace';
import { MemorySink, TraceWriter } from '../format/writer';
import { replayCore } from '../replay/report';
import { EventCopier } from './copy';
import { checkSource, startOfWindow } from './source';

export interface MinimizeOptions {
  /** Told after each try. */
  readonly onProgress?: (progress: { readonly tries: number; readonly calls: number }) => void;
  /** Ends early, with the best so far. */
  readonly signal?: AbortSignal;
  /** Most tries, 10 000 unless given. */
  readonly maxTries?: number;
}

/** A trace in memory. */
export interface MinimizedTrace {
  readonly bytes: Uint8Array;
  readonly trace: Trace;
  /** Calls and stimuli that are left, the opening not counted. */
  readonly calls: number;
  readonly tries: number;
}

/** First event of each call or stimulus outside of all others, the opening left out. */
function outerEvents(trace: Trace): number[] {
  const cursor = trace.cursor();
  const starts: number[] = [];
  while (cursor.next()) {
    const { depth, phase, ordinal } = cursor.event;
    if (depth === 0 && ordinal > 0 && (phase === 'whole' || phase === 'begin'))
      starts.push(ordinal);
  }
  return starts;
}

/** The trace with its opening and these outer events only. */
function subset(trace: Trace, kept: ReadonlySet<number>): Uint8Array {
  const sink = new MemorySink();
  const { uuid } = trace.header;
  const place = startOfWindow(trace);
  const how = place ? 'window' : 'minimize';
  const header = { ...trace.header, derived: { uuid, how } };
  const writer = new TraceWriter(sink, header, trace.chunks[0]?.timeNs ?? 0);
  if (trace.device) writer.describe(trace.device);
  const copier = new EventCopier(writer);
  const cursor = trace.cursor();
  copier.opening(cursor);
  if (place) copier.goOnFrom(trace.contents(place.chunk), place.chunk.timeNs);
  let keeping = true;
  while (cursor.next()) {
    const { event } = cursor;
    const { depth, phase, ordinal } = event;
    if (depth === 0 && (phase === 'whole' || phase === 'begin')) {
      keeping = kept.has(ordinal);
    }
    if (keeping) copier.copy(event);
  }
  copier.finish();
  return sink.bytes();
}

/**
 * The shortest trace found that still fails: whole calls and stimuli are left
 * out as long as `fails` stays true (delta debugging, ddmin).
 *
 * @param fails whether a trace still shows what is looked for, for example failsWith()
 * A part of a window is a window again.
 *
 * @throws RangeError when the trace does not fail to begin with
 * @throws VfioError TRACE_* (TRACE_UNSUPPORTED: the trace has some lines only)
 */
export async function minimizeTrace(
  trace: Trace,
  fails: (candidate: Trace) => Promise<boolean> | boolean,
  options: MinimizeOptions = {},
): Promise<MinimizedTrace> {
  const { onProgress, signal, maxTries = 10_000 } = options;
  checkSource(trace, 'minimized');
  let kept = outerEvents(trace);
  let tries = 0;
  const test = async (events: readonly number[]) => {
    tries++;
    const result = await fails(Trace.open(subset(trace, new Set(events))));
    onProgress?.({ tries, calls: result ? events.length : kept.length });
    return result;
  };
  if (!(await test(kept)))
    throw new RangeError('the trace does not fail, so nothing can be minimized');
  const goesOn = () => tries < maxTries && signal?.aborted !== true;
  let parts = 2;
  while (kept.length > 0 && goesOn()) {
    const size = Math.ceil(kept.length / parts);
    let reduced = false;
    for (let from = 0; from < kept.length && goesOn(); from += size) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (!(await test(rest))) continue;
      kept = rest;
      parts = Math.max(parts - 1, 2);
      reduced = true;
      break;
    }
    if (reduced) continue;
    if (size <= 1) break;
    parts = Math.min(parts * 2, kept.length);
  }
  const bytes = subset(trace, new Set(kept));
  return { bytes, trace: Trace.open(bytes), calls: kept.length, tries };
}

/**
 * A check for minimizeTrace(): the trace replays in the embedded core (or
 * `good`), and does not in `bad`.
 */
export function failsWith(
  bad: WebAssembly.Module,
  good?: WebAssembly.Module,
): (candidate: Trace) => Promise<boolean> {
  return async (candidate) => {
    const before = await replayCore(candidate, { ...(good && { core: good }), locate: false });
    if (!before.ok) return false;
    return !(await replayCore(candidate, { core: bad, locate: false })).ok;
  };
}
