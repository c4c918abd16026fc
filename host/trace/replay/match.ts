import type { RecordedEvent } from '../format/event';
import { type OpShape, opShape } from '../format/ops';

/** Whether an event begins here, in the trace as it is written. */
export function isStart(event: RecordedEvent): boolean {
  return event.phase === 'whole' || event.phase === 'begin';
}

export function sameArgs(
  event: RecordedEvent,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
): boolean {
  const { args } = event;
  const count = (opShape(event.op) as OpShape).args.length;
  return (
    (count < 1 || args[0] === a) &&
    (count < 2 || args[1] === b) &&
    (count < 3 || args[2] === c) &&
    (count < 4 || args[3] === d) &&
    (count < 5 || args[4] === e) &&
    (count < 6 || args[5] === f)
  );
}

export function sameBytes(expected: Uint8Array, actual: Uint8Array): boolean {
  if (expected.length !== actual.length) return false;
  for (let i = 0; i < expected.length; i++) if (expected[i] !== actual[i]) return false;
  return true;
}
