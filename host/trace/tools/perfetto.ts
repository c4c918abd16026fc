import * as ops from '../format/ops';
import { eventData, eventText } from '../format/text';
import type { Trace } from '../format/trace';
import { LineFollower } from './lines';

const US = 1000;
const ACCESSES = 1;
const FIRST_LINE = 10;

/**
 * The trace in the Chrome trace event format, for ui.perfetto.dev: accesses as
 * instants on one track, each line on a track of its own with its interrupts
 * as slices. Yields the parts of one JSON text.
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
    if (event.op === ops.OP_RING && event.phase === 'whole') {
      const [line = 0, count = 0] = event.args;
      yield `,\n${JSON.stringify({ ph: 'i', s: 't', pid: 1, tid: FIRST_LINE + line, ts, name: 'signal', args: { count } })}`;
    }
    const interrupt = follower.take(event);
    if (interrupt?.downNs === undefined) continue;
    const { line, upNs, downNs, triggerNs } = interrupt;
    yield `,\n${JSON.stringify({ ph: 'X', pid: 1, tid: FIRST_LINE + line, ts: upNs / US, dur: (downNs - upNs) / US, name: 'active', args: { triggerNs } })}`;
  }
  yield '\n]}\n';
}
