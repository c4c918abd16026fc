import { VfioError } from '../../errors';
import { decodeCheckpoint, encodeCheckpoint } from '../format/checkpoint';
import type { RecordedEvent } from '../format/event';
import { opShape } from '../format/ops';
import type { Trace } from '../format/trace';
import { type TraceSink, TraceWriter } from '../format/writer';
import { TraceDebugger } from '../replay/debugger';
import { isStart } from '../replay/match';
import { callAround } from '../replay/navigation';
import { EventCopier } from './copy';
import { checkSource, startOfWindow } from './source';

export interface TrimOptions {
  /** First event that is kept, with the call in which it is; the first one unless given. */
  readonly from?: number;
  /** First event that is not kept any more; the call in which it is, is kept whole. */
  readonly to?: number;
  /**
   * Keeps the events of these lines only, and what belongs to none. Such a
   * trace is for looking at: it cannot be replayed.
   */
  readonly lines?: readonly number[];
}

/**
 * Writes a part of a trace. A window replays like the whole: it has the opening
 * of the device, then a checkpoint from which it goes on. A part of a window is
 * a window again.
 *
 * @throws DivergenceError when the way to the window does not replay; VfioError
 *   OPTION_INVALID, TRACE_* (TRACE_UNSUPPORTED: the trace has some lines only)
 */
export async function trimTrace(
  trace: Trace,
  sink: TraceSink,
  options: TrimOptions = {},
): Promise<void> {
  const { from = 0, to = Number.POSITIVE_INFINITY, lines } = options;
  if (!(from >= 0 && to > from)) {
    throw new VfioError('OPTION_INVALID', `there is nothing from event ${from} to ${to}`);
  }
  checkSource(trace, 'trimmed');
  const start = await startOf(trace, options);
  const { uuid } = trace.header;
  const derived = { uuid, how: howOf(trace, options) };
  const firstNs = trace.chunks[0]?.timeNs ?? 0;
  const writer = new TraceWriter(sink, { ...trace.header, derived }, firstNs);
  if (trace.device) writer.describe(trace.device);
  const copier = new EventCopier(writer);
  const kept = lines && new Set(lines);
  const cursor = trace.cursor();
  const { event } = cursor;
  copier.opening(cursor);
  if (start !== undefined) {
    if (start.checkpoint) copier.goOnFrom(start.checkpoint, start.timeNs);
    if (cursor.peek() && event.ordinal < start.event) cursor.seek(start.event);
  }
  while (cursor.next()) {
    if (event.depth === 0 && isStart(event) && event.ordinal >= to) break;
    if (kept && !isOf(event, kept)) continue;
    copier.copy(event);
  }
  copier.finish();
}

/** What kind of part it is; one of a part stays what that was, so that nothing takes it for more. */
function howOf({ header }: Trace, { from = 0, lines }: TrimOptions): string {
  if (lines) return 'lines';
  if (from > 0) return 'window';
  return header.derived?.how ?? 'head';
}

/** Where a part goes on behind the opening. */
interface PartStart {
  readonly event: number;
  readonly timeNs: number;
  /** The core's state there; a selection of lines needs none. */
  readonly checkpoint: Uint8Array | undefined;
}

async function startOf(
  trace: Trace,
  { from = 0, lines }: TrimOptions,
): Promise<PartStart | undefined> {
  if (lines) return { event: callAround(trace, from), timeNs: 0, checkpoint: undefined };
  if (from > 0) return walkTo(trace, from);
  const place = startOfWindow(trace);
  if (place === undefined) return undefined;
  const { event, chunk } = place;
  return { event, timeNs: chunk.timeNs, checkpoint: trace.contents(chunk) };
}

async function walkTo(trace: Trace, from: number): Promise<PartStart> {
  const walk = await TraceDebugger.start(trace);
  try {
    await walk.seek(from);
    const { position, timeNs } = walk;
    return { event: position, timeNs, checkpoint: checkpointOf(trace, walk) };
  } finally {
    walk.dispose();
  }
}

/** The state where the walk stands. */
function checkpointOf(trace: Trace, walk: TraceDebugger): Uint8Array {
  const here = walk.checkpoint();
  const place = startOfWindow(trace);
  if (place === undefined) return here;
  // What was connected and mapped before a window is in its checkpoint only.
  const before = decodeCheckpoint(trace.contents(place.chunk));
  const now = decodeCheckpoint(here);
  const armed = walk.device?.lines ?? [];
  const still = before.lines.filter(([line]) => (armed[line]?.armed ?? 'no') !== 'no');
  const lines = new Map([...still, ...now.lines]);
  return encodeCheckpoint({
    ...now,
    lines: [...lines].sort(([a], [b]) => a - b),
    rams: [...before.rams, ...now.rams],
  });
}

/** Whether the event is of one of the lines, or of none; only whole ones can be left out. */
function isOf(event: RecordedEvent, lines: ReadonlySet<number>): boolean {
  if (event.phase !== 'whole') return true;
  const at = opShape(event.op)?.args.findIndex(({ name }) => name === 'line') ?? -1;
  return at < 0 || lines.has(event.args[at] as number);
}
