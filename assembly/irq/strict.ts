import { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP } from '../boundary/effects';
import {
  EDGE_REPLAY,
  EOI_ACCESS,
  LINE_ACTIVE,
  LINE_AUTOMASKED,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  LINE_MASK_REQUESTED,
  LINE_PENDING,
  LINE_RETRYING,
  LINE_STUCK,
  LINE_UP,
  TIMEOUT_ON_IDLE,
} from '../boundary/options';
import {
  TRACE_EOI,
  TRACE_INJECT,
  TRACE_INJECT_PENDING,
  TRACE_PENDING,
  TRACE_STILL_ACTIVE,
} from '../boundary/trace-events';
import { EOI_STEP, NO_LINE } from '../state/layout';
import {
  config,
  LineRecord,
  lineAt,
  lineBindingAt,
  lineStatisticsAt,
  machine,
  transient,
} from '../state/records';
import { isRaised, push, pushUp, trace, waiting } from './effects';
import { append, remove, takeOldest } from './fifo';
import { appendActive, removeActive } from './independent';
import { checkInvariants } from './invariants';
import { setMapping, startTimer } from './mapping';
import { publishNextEoi } from './next-eoi';
import { endRetries } from './retry';

/**
 * The interrupt machine of policy 'strict' (spec S7). Every function commits
 * the new state first and queues the effects in order, "up" last.
 */

/** Edges that wait are counted up to here; more are dropped, and counted as coalesced. */
const AGAIN_MAX: u32 = 0xffff;

function traceLine(event: u32, line: u32): void {
  if (transient.special != 0) trace(event, line, lineBindingAt(line).trigger, 0);
}

function makeSerialActive(line: u32, record: LineRecord): void {
  record.state = LINE_ACTIVE;
  record.flags |= LINE_UP;
  machine.serialActive = line;
  transient.activations += EOI_STEP;
  pushUp(EFFECT_UP | line, line);
}

/** Queues the effects of `bits` for an independent line that goes up with them. */
function makeIndependentActive(line: u32, record: LineRecord, bits: u32): void {
  record.state = LINE_ACTIVE;
  record.flags |= LINE_UP;
  appendActive(line);
  pushUp(bits | EFFECT_UP | line, line);
}

/** Remembers that `count` more edges came while the line is not INACTIVE. */
function remember(line: u32, record: LineRecord, count: u32, most: u32): void {
  const before = record.again;
  const wanted = before + count;
  record.again = min(wanted, most);
  lineStatisticsAt(line).coalesced += wanted - record.again;
}

/** Edges that may wait behind one that is not ACTIVE yet: it stands for all, or they are replayed. */
function mostBehindPending(): u32 {
  return config.edgeCount == EDGE_REPLAY ? AGAIN_MAX : 0;
}

/** Edges that may wait for the EOI of an ACTIVE line. */
function mostBehindActive(): u32 {
  return config.edgeCount == EDGE_REPLAY ? AGAIN_MAX : 1;
}

function signalInactive(line: u32, record: LineRecord, count: u32): void {
  const flags = record.flags;
  if ((flags & (LINE_RETRYING | LINE_STUCK)) != 0) endRetries(line);
  if (count > 1 && (flags & LINE_AUTOMASKED) == 0) {
    remember(line, record, count - 1, mostBehindPending());
  }
  if ((flags & LINE_INDEPENDENT) != 0) {
    traceLine(TRACE_INJECT, line);
    makeIndependentActive(line, record, 0);
    return;
  }
  if (machine.serialActive != NO_LINE) {
    traceLine(TRACE_PENDING, line);
    record.state = LINE_PENDING;
    append(line);
    return;
  }
  traceLine(TRACE_INJECT, line);
  if (transient.special != 0 && config.directMapping != 0) {
    setMapping(0);
    startTimer();
  }
  makeSerialActive(line, record);
}

/** `count` (0: a spurious wake-up) signals of a line were drained. */
export function signal(line: u32, count: u32): void {
  const record = lineAt(line);
  const statistics = lineStatisticsAt(line);
  if (count == 0) {
    statistics.spurious++;
    return;
  }
  statistics.signals += count;
  const state = record.state;
  if (state == LINE_INACTIVE) {
    signalInactive(line, record, count);
  } else if ((record.flags & LINE_AUTOMASKED) != 0) {
    // Only a foreign unmask lets an auto-masked line signal before its EOI.
    if (state == LINE_PENDING) statistics.coalesced += count;
    else statistics.unexpected += count;
  } else {
    const most = state == LINE_PENDING ? mostBehindPending() : mostBehindActive();
    remember(line, record, count, most);
  }
  publishNextEoi();
}

/** What an EOI does to the line itself; gives the effect bits to queue. */
function deactivate(line: u32, record: LineRecord): u32 {
  const flags = record.flags;
  const isUp = (flags & LINE_UP) != 0;
  const unmasks = (flags & (LINE_AUTOMASKED | LINE_MASK_REQUESTED)) == LINE_AUTOMASKED;
  record.flags = flags & ~LINE_UP;
  record.state = LINE_INACTIVE;
  lineStatisticsAt(line).completions++;
  traceLine(TRACE_EOI, line);
  return (isUp ? EFFECT_DOWN : 0) | (unmasks ? EFFECT_UNMASK : 0);
}

/** Makes the oldest PENDING line ACTIVE, or notes that nothing is outstanding. */
function serveNext(): void {
  const next = takeOldest();
  if (next != NO_LINE) {
    traceLine(TRACE_INJECT_PENDING, next);
    makeSerialActive(next, lineAt(next));
    return;
  }
  if (transient.special == 0) return;
  if (config.directMapping != 0 && config.mmapTimeoutMs == TIMEOUT_ON_IDLE) setMapping(1);
}

function completeSerial(line: u32): void {
  const record = lineAt(line);
  const bits = deactivate(line, record);
  machine.serialActive = NO_LINE;
  push(bits | line);
  if (record.again != 0) {
    record.again--;
    record.state = LINE_PENDING;
    append(line);
  }
  serveNext();
  publishNextEoi();
}

/**
 * The guest has completed an independent line (EOI sources 1 and 2). Nothing
 * happens unless it is ACTIVE and the machine has seen it go up.
 */
export function completeIndependent(line: u32): void {
  const record = lineAt(line);
  if (record.state != LINE_ACTIVE || (record.flags & LINE_INDEPENDENT) == 0) return;
  if (!isRaised(line)) return;
  removeActive(line);
  const bits = deactivate(line, record);
  if (record.again != 0) {
    record.again--;
    makeIndependentActive(line, record, bits);
  } else {
    push(bits | line);
  }
}

/**
 * EOI sources 3 and 4 after a guest access that reached the device.
 * `activation` is transient.activations as it was when the access began, or none
 * if nothing was to be completed then: what became ACTIVE since is not completed.
 * @returns what there is to do (boundary/effects.ts)
 */
export function completeByAccess(write: bool, activation: u32): u32 {
  const active = machine.serialActive;
  if (active == NO_LINE || transient.activations != activation) return waiting();
  if ((write || lineAt(active).eoi == EOI_ACCESS) && isRaised(active)) completeSerial(active);
  if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
  return waiting();
}

/** The mmap timer fired. */
export function timerFired(): void {
  machine.timerRunning = 0;
  const active = machine.serialActive;
  if (active != NO_LINE) {
    trace(TRACE_STILL_ACTIVE, active, 0, 0);
    startTimer();
  } else {
    setMapping(1);
  }
}

/** Takes a line out of the machine, whatever its state (it is being disarmed). */
export function forget(line: u32): void {
  const record = lineAt(line);
  const state = record.state;
  const wasUp = (record.flags & LINE_UP) != 0;
  endRetries(line);
  record.again = 0;
  record.state = LINE_INACTIVE;
  record.flags &= ~LINE_UP;
  if (state == LINE_ACTIVE) lineStatisticsAt(line).abandoned++;
  if (state == LINE_PENDING) remove(line);
  else if ((record.flags & LINE_INDEPENDENT) != 0) removeActive(line);
  if (wasUp) push(EFFECT_DOWN | line);
  if (machine.serialActive == line) {
    machine.serialActive = NO_LINE;
    serveNext();
  }
  publishNextEoi();
}
