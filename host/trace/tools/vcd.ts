import * as ops from '../format/ops';
import type { Trace } from '../format/trace';

/**
 * The trace as a Value Change Dump (IEEE 1364) for GTKWave or Surfer: each
 * line's virtual level, a pulse of its eventfd, and the guest's accesses.
 * Yields lines without line ends. The time scale is 1 ns.
 */
export function* exportVcd(trace: Trace): Generator<string> {
  const lines = trace.device?.lines ?? [];
  const id = (index: number) => {
    // Identifiers are printable characters, '!' to '~'.
    let text = '';
    let rest = index;
    do {
      text += String.fromCharCode(33 + (rest % 94));
      rest = Math.floor(rest / 94) - 1;
    } while (rest >= 0);
    return text;
  };
  const [address, value, write] = [id(0), id(1), id(2)];
  const up = (line: number) => id(3 + line * 2);
  const signals = (line: number) => id(4 + line * 2);
  yield `$comment ${trace.header.device.name}, recording ${trace.header.uuid} $end`;
  yield '$timescale 1 ns $end';
  yield `$scope module ${trace.header.device.name.replace(/[^\w]/g, '_')} $end`;
  yield `$var wire 32 ${address} access_offset $end`;
  yield `$var wire 32 ${value} access_value $end`;
  yield `$var wire 1 ${write} access_write $end`;
  for (const { index, trigger } of lines) {
    yield `$var wire 1 ${up(index)} line${index}_${trigger} $end`;
    yield `$var wire 32 ${signals(index)} line${index}_signals $end`;
  }
  yield '$upscope $end';
  yield '$enddefinitions $end';
  yield '#0';
  yield '$dumpvars';
  yield `bx ${address}`;
  yield `bx ${value}`;
  yield `x${write}`;
  for (const { index } of lines) {
    yield `0${up(index)}`;
    yield `b0 ${signals(index)}`;
  }
  yield '$end';

  const counts = new Map<number, number>();
  const known = new Set(lines.map(({ index }) => index));
  let time = 0;
  const cursor = trace.cursor();
  const { event } = cursor;
  while (cursor.next()) {
    const changes: string[] = [];
    const [first = 0, second = 0] = event.args;
    const starts = event.phase === 'whole' || event.phase === 'begin';
    if (starts && known.has(first)) {
      if (event.op === ops.OP_LINE_UP) changes.push(`1${up(first)}`);
      if (event.op === ops.OP_LINE_DOWN) changes.push(`0${up(first)}`);
      if (event.op === ops.OP_RING || event.op === ops.OP_SIGNAL) {
        const count = (counts.get(first) ?? 0) + second;
        counts.set(first, count);
        changes.push(`b${count.toString(2)} ${signals(first)}`);
      }
    }
    if (starts && (event.op === ops.OP_READ || event.op === ops.OP_WRITE)) {
      const isWrite = event.op === ops.OP_WRITE;
      changes.push(`b${second.toString(2)} ${address}`, `${isWrite ? 1 : 0}${write}`);
      if (isWrite) changes.push(`b${(event.args[3] as number).toString(2)} ${value}`);
    }
    if (event.op === ops.OP_READ && (event.phase === 'whole' || event.phase === 'end')) {
      changes.push(`b${(event.results[0] as number).toString(2)} ${value}`);
    }
    if (changes.length === 0) continue;
    const now = Math.round(event.timeNs);
    if (now > time) {
      yield `#${now}`;
      time = now;
    }
    yield* changes;
  }
}
