import { insert, removeHead } from './linked-fifo';
import { lineAt, NONE, type Output, type ReferenceState } from './state';
import { armTimer } from './timer';
import { unmaskIfDue } from './unmask';

/** S6 signal(i). QEMU drops the count, and a wake-up without one injects all the same (D08, D37). */
export function qemuSignal(
  state: ReferenceState,
  out: Output[],
  line: number,
  count: number,
): void {
  const target = lineAt(state, line);
  if (count === 0) {
    target.spurious += 1;
  } else {
    target.coalesced += count - 1;
  }
  const otherOutstanding = state.lines.some(
    (other, index) => index !== line && other.state !== 'INACTIVE',
  );
  if (target.state === 'INACTIVE' && otherOutstanding) {
    target.state = 'PENDING';
    insert(state, line);
    return;
  }
  target.state = 'ACTIVE';
  target.up = true;
  state.mappingOn = false;
  out.push({ kind: 'mapping', on: false });
  armTimer(state, out);
  out.push({ kind: 'up', line });
}

/** S6 eoi(): once per chunk of every trapped access. */
export function qemuEoi(state: ReferenceState, out: Output[]): void {
  const active = highestActive(state);
  if (active !== NONE) {
    const target = lineAt(state, active);
    target.state = 'INACTIVE';
    target.up = false;
    out.push({ kind: 'down', line: active });
    unmaskIfDue(state, out, active);
  }
  const next = removeHead(state);
  if (next !== NONE) {
    const target = lineAt(state, next);
    target.state = 'ACTIVE';
    target.up = true;
    out.push({ kind: 'up', line: next });
  }
}

/** S6 timer: PENDING is not looked at (D10). */
export function qemuTimer(state: ReferenceState, out: Output[]): void {
  if (highestActive(state) !== NONE) {
    armTimer(state, out);
  } else {
    state.mappingOn = true;
    out.push({ kind: 'mapping', on: true });
  }
}

export function highestActive(state: ReferenceState): number {
  return state.lines.map((line) => line.state).lastIndexOf('ACTIVE');
}
