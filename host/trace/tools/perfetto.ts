import * as ops from '../format/ops';
import { eventData, eventText } from '../format/text';
import type { Trace } from '../format/trace';
import { LineFollower, type LineInterrupt } from './lines';

const US = 1000;
const ACCESSES = 1;
const FIRST_LINE = 10;

/**
 * The trace in the Chrome trace event format, for ui.perfetto.dev: accesses as
 * instants on one track, each line on a track of its own with its interrupts
 * as slices; one that goes on at the end is marked as unfinished. Yields the
 * parts of one JSON text.
 */
export function* exportPerfetto(trace: Trace): Generator<string> {
  const track = (tid: number, name: string) =>
    JSON.stringify({ ph: 'M', pid: 1, tid, name: 'thread_name', args: { name } });
  yield '{"displayTimeUnit":"ns","traceEvents":[\n';
  yield JSON.stringify({
    ph: 'M',
    pid: 1,
    name: 'process_name',
    args: { name: trace.header.device.name },
  });
  yield `,\n${track(ACCESSES, 'accesses')}`;
  for (const { index, trigger } of trace.device?.lines ?? []) {
    yield `,\n${track(FIRST_LINE + index, `line ${index} (${trigger})`)}`;
  }
  const follower = new LineFollower();
  const cursor = trace.cursor();
  const { event } = cursor;
  while (cursor.next()) {
    const ts = event.timeNs / US;
    if (ops.isAccess(event.op) && event.phase !== 'end' && event.phase !== 'thrown') {
      const data = eventData(event);
      yield `,\n${JSON.stringify({ ph: 'i', s: 't', pid: 1, tid: ACCESSES, ts, name: eventText(data), args: { event: data.event } })}`;
    }
    if (isSignal(event.op) && (event.phase === 'whole' || event.phase === 'begin')) {
      const [line = 0, count = 0] = event.args;
      yield `,\n${JSON.stringify({ ph: 'i', s: 't', pid: 1, tid: FIRST_LINE + line, ts, name: 'signal', args: { count } })}`;
    }
    const interrupt = follower.take(event);
    if (interrupt?.downNs !== undefined) yield `,\n${slice(interrupt, interrupt.downNs)}`;
  }
  for (const interrupt of follower.active.values()) {
    yield `,\n${slice(interrupt, event.timeNs)}`;
  }
  yield '\n]}\n';
}

function isSignal(op: number): boolean {
  return op === ops.OP_RING || op === ops.OP_SIGNAL;
}

function slice({ line, upNs, downNs, triggerNs }: LineInterrupt, endNs: number): string {
  const unfinished = downNs === undefined;
  return JSON.stringify({
    ph: 'X',
    pid: 1,
    tid: FIRST_LINE + line,
    ts: upNs / US,
    dur: (endNs - upNs) / US,
    name: unfinished ? 'active (unfinished)' : 'active',
    args: { triggerNs, ...(unfinished && { unfinished }) },
  });
}
