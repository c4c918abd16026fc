import { VfioError } from '../../errors';
import type { RecordedEvent } from '../format/event';
import { opShape } from '../format/ops';
import type { Trace } from '../format/trace';
import { type TraceSink, TraceWriter } from '../format/writer';
import { TraceDebugger } from '../replay/debugger';
import { EventCopier } from './copy';

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
 * of the device, then a checkpoint from which it goes on.
 *
 * @throws DivergenceError when the way to the window does not replay; VfioError
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
  const { uuid } = trace.header;
  const how = lines ? 'lines' : from > 0 ? 'window' : 'head';
  const start = trace.chunks[0]?.timeNs ?? 0;
  const writer = new TraceWriter(sink, { ...trace.header, derived: { uuid, how } }, start);
  if (trace.device) writer.describe(trace.device);
  const copier = new EventCopier(writer);
  const kept = lines && new Set(lines);
  const cursor = trace.cursor();
  const { event } = cursor;
  // The opening, without which there is no device.
  while (cursor.next()) {
    copier.copy(event);
    if (copier.depth === 0) break;
  }
  let position = from;
  if (how === 'window') {
    const walk = await TraceDebugger.start(trace);
    try {
      await walk.seek(from);
      position = walk.position;
      copier.endChunk(walk.timeNs);
      writer.checkpoint(walk.checkpoint());
    } finally {
      walk.dispose();
    }
    cursor.seek(position);
  }
  while (cursor.next()) {
    if (event.depth === 0 && isStart(event) && event.ordinal >= to) break;
    if (kept && !isOf(event, kept)) continue;
    copier.copy(event);
  }
  copier.finish();
}

function isStart({ phase }: RecordedEvent): boolean {
  return phase === 'whole' || phase === 'begin';
}

/** Whether the event is of one of the lines, or of none; only whole ones can be left out. */
function isOf(event: RecordedEvent, lines: ReadonlySet<number>): boolean {
  if (event.phase !== 'whole') return true;
  const at = opShape(event.op)?.args.findIndex(({ name }) => name === 'line') ?? -1;
  return at < 0 || lines.has(event.args[at] as number);
}
