import {
  anyOutstanding,
  isSerialised,
  lineAt,
  type Output,
  type ReferenceLine,
  type ReferenceState,
} from './state';
import { armTimer } from './timer';
import { cancelRetry, unmaskIfDue } from './unmask';

/** S7 signal(i). */
export function strictSignal(
  state: ReferenceState,
  out: Output[],
  line: number,
  count: number,
): void {
  const target = lineAt(state, line);
  if (count === 0) {
    target.spurious += 1;
    return;
  }
  if (target.state === 'ACTIVE' && target.trigger === 'level') {
    target.unexpected += count;
    return;
  }
  if (target.state === 'ACTIVE') {
    remember(state, target, count, target.again === 0 ? 1 : 0);
    return;
  }
  if (target.state === 'PENDING') {
    remember(state, target, count, 0);
    return;
  }
  cancelRetry(state, line);
  // The first of the signals is the injection itself, the rest come on top of it.
  remember(state, target, count - 1, 0);
  if (!isSerialised(state, line)) {
    activate(state, out, line);
    return;
  }
  leaveDirectMapping(state, out);
  if (anyOutstanding(state)) {
    target.state = 'PENDING';
    state.fifo.push(line);
  } else {
    activate(state, out, line);
  }
}

/**
 * S7: what one guest access completes. Which lines it concerns is settled
 * before anything happens, so no line is completed twice, nor one that only
 * this access made ACTIVE.
 */
export function strictAccess(
  state: ReferenceState,
  out: Output[],
  access: { write: boolean; failed: boolean; completes: readonly number[] },
): void {
  if (access.failed) {
    return;
  }
  const isDue = ({ state: now, eoi }: ReferenceLine, line: number): boolean => {
    if (now !== 'ACTIVE') {
      return false;
    }
    switch (eoi) {
      case 'register':
        return access.completes.includes(line);
      case 'write':
        return access.write;
      case 'access':
        return true;
      case 'irqchip':
        return false;
    }
  };
  const due = state.lines.flatMap((line, index) => (isDue(line, index) ? [index] : []));
  const independent = due.filter((line) => !isSerialised(state, line));
  const serialised = due.filter((line) => isSerialised(state, line));
  for (const line of [...independent, ...serialised]) {
    strictEoi(state, out, line);
  }
}

/** S7 eoi(i), whoever decided it. */
export function strictEoi(state: ReferenceState, out: Output[], line: number): void {
  const target = lineAt(state, line);
  if (target.state !== 'ACTIVE') {
    return;
  }
  target.state = 'INACTIVE';
  target.up = false;
  out.push({ kind: 'down', line });
  unmaskIfDue(state, out, line);
  const again = target.again > 0;
  if (again) {
    target.again -= 1;
  }
  if (!isSerialised(state, line)) {
    if (again) {
      activate(state, out, line);
    }
    return;
  }
  if (again) {
    target.state = 'PENDING';
    state.fifo.push(line);
  }
  const next = state.fifo.shift();
  if (next !== undefined) {
    activate(state, out, next);
  } else if (state.options.timeoutMs === 'on-idle') {
    restoreDirectMapping(state, out);
  }
}

/** S7: the timer counts PENDING as outstanding, too. */
export function strictTimer(state: ReferenceState, out: Output[]): void {
  if (anyOutstanding(state)) {
    armTimer(state, out);
  } else {
    restoreDirectMapping(state, out);
  }
}

/** 'Up' is the last effect of a transition, so nothing may be pushed after a call of this. */
function activate(state: ReferenceState, out: Output[], line: number): void {
  const target = lineAt(state, line);
  target.state = 'ACTIVE';
  target.up = true;
  out.push({ kind: 'up', line });
}

/** Of `count` signals that cannot be injected now, 'coalesce' keeps at most `room`. */
function remember(state: ReferenceState, target: ReferenceLine, count: number, room: number): void {
  const replay = state.options.edgeCount === 'replay' && target.trigger === 'edge';
  const kept = replay ? count : Math.min(count, room);
  target.again += kept;
  target.coalesced += count - kept;
}

function leaveDirectMapping(state: ReferenceState, out: Output[]): void {
  if (!state.options.directMapping) {
    return;
  }
  if (state.mappingOn) {
    state.mappingOn = false;
    out.push({ kind: 'mapping', on: false });
  }
  armTimer(state, out);
}

function restoreDirectMapping(state: ReferenceState, out: Output[]): void {
  if (!state.mappingOn) {
    state.mappingOn = true;
    out.push({ kind: 'mapping', on: true });
  }
}
