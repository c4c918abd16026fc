import { eventData, placedText } from '../format/text';
import type { Trace } from '../format/trace';

/** What of a trace is shown. */
export interface DumpOptions {
  /** 'text': a line for people; 'json': one JSON object a line. 'text' unless given. */
  readonly format?: 'text' | 'json';
  /** First event, 0 unless given. */
  readonly from?: number;
  /** First event that is not shown any more. */
  readonly to?: number;
  /** Only what is outside of all calls, and the effects; imports are left out. */
  readonly brief?: boolean;
}

/**
 * The trace as lines, without line ends: first the header, then the events,
 * then where the trace ends before its end.
 */
export function* dumpTrace(trace: Trace, options: DumpOptions = {}): Generator<string> {
  const { format = 'text', from = 0, to = Number.POSITIVE_INFINITY, brief = false } = options;
  const { header, device, totals, finalised, cut } = trace;
  if (format === 'json') yield JSON.stringify({ header, device, totals, finalised, cut });
  else {
    yield `trace ${header.uuid} of ${header.device.name} (${header.device.compatible.join(', ') || 'no compatible'})`;
    yield `written by ${header.writer.name}, boundary version ${header.writer.abi}; machine ${header.machine?.name ?? 'unknown'}; DMA ${header.dma}`;
    yield `${totals.events} events, ${totals.accesses} accesses, ${totals.timeNs} ns${finalised ? '' : ', not finalised'}`;
  }
  const cursor = trace.cursor(from);
  while (cursor.next()) {
    const data = eventData(cursor.event);
    if (data.event >= to) return;
    if (brief && data.depth > 0 && !SHOWN_IN_BRIEF.has(data.name)) continue;
    if (brief && (data.phase === 'end' || data.phase === 'thrown')) continue;
    yield format === 'json' ? JSON.stringify(data) : placedText(data);
  }
  if (cut && format === 'text') yield `the trace ends at byte ${cut.at}: ${cut.reason}`;
}

const SHOWN_IN_BRIEF: ReadonlySet<string> = new Set([
  'ring',
  'lineUp',
  'lineDown',
  'unmask',
  'event',
  'dmaWrite',
  'directMapping',
]);
