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
import { NO_LINE } from '../state/layout';
import {
  config,
  LineRecord,
  lineAt,
  lineBindingAt,
  lineStatisticsAt,
  lineTimingAt,
  machine,
  transient,
} from '../state/records';
import { isApplied, push, trace } from './effects';
import { append, remove, takeOldest } from './fifo';
import { appendActive, removeActive } from './independent';
import { setMapping, startTimer } from './mapping';
import { endRetries } from './retry';

/**
 * The interrupt machine of policy 'strict' (spec S7). Every function commits
 * the new state first and queues the effects in order, "up" last.
 */

/** Edges that wait are counted up to here; more are dropped, and counted as coalesced. */
const AGAIN_MAX: u32 = 0xffff;

function makeSerialActive(line: u32, record: LineRecord): void {
  record.state = LINE_ACTIVE;
  record.flags |= LINE_UP;
  machine.serialActive = line;
  lineStatisticsAt(line).injections++;
  transient.serialSinceMs = transient.nowMs;
  transient.serialStallReported = 0;
  transient.serialUpAt = transient.effectTail;
  push(EFFECT_UP | line);
}

/** Queues the effects of `bits` for an independent line that goes up with them. */
function makeIndependentActive(line: u32, record: LineRecord, bits: u32): void {
  record.state = LINE_ACTIVE;
  record.flags |= LINE_UP;
  lineStatisticsAt(line).injections++;
  appendActive(line);
  lineTimingAt(line).upAt = transient.effectTail;
  push(bits | EFFECT_UP | line);
}

function isEdge(record: LineRecord): bool {
  return (record.flags & LINE_AUTOMASKED) == 0;
}

/** Remembers that `count` more edges came while the line is not INACTIVE. */
function remember(line: u32, record: LineRecord, count: u32, most: u32): void {
  const before = record.again;
  const wanted = before + count;
  record.again = min(wanted, most);
  lineStatisticsAt(line).coalesced += wanted - record.again;
}

export function signal(line: u32, count: u32): void {
  const record = lineAt(line);
  const statistics = lineStatisticsAt(line);
  if (count == 0) {
    statistics.spurious++;
    return;
  }
  statistics.signals += count;
  const state = record.state;
  const edge = isEdge(record);
  if (state == LINE_INACTIVE) {
    if ((record.flags & (LINE_RETRYING | LINE_STUCK)) != 0) endRetries(line);
    if (edge && count > 1) {
      remember(line, record, count - 1, config.edgeCount == EDGE_REPLAY ? AGAIN_MAX : 0);
    }
    if ((record.flags & LINE_INDEPENDENT) != 0) {
      trace(TRACE_INJECT, line, lineBindingAt(line).trigger, 0);
      makeIndependentActive(line, record, 0);
    } else if (machine.serialActive == NO_LINE) {
      trace(TRACE_INJECT, line, lineBindingAt(line).trigger, 0);
      if (config.directMapping != 0) {
        setMapping(0);
        startTimer();
      }
      makeSerialActive(line, record);
    } else {
      trace(TRACE_PENDING, line, 0, 0);
      record.state = LINE_PENDING;
      append(line);
    }
  } else if (!edge) {
    // Only a foreign unmask lets an auto-masked line signal before its EOI.
    if (state == LINE_PENDING) statistics.coalesced += count;
    else statistics.unexpected += count;
  } else if (state == LINE_PENDING) {
    remember(line, record, count, config.edgeCount == EDGE_REPLAY ? AGAIN_MAX : 0);
  } else {
    remember(line, record, count, config.edgeCount == EDGE_REPLAY ? AGAIN_MAX : 1);
  }
}

/** What an EOI does to the line itself; gives the effect bits to queue. */
function deactivate(line: u32, record: LineRecord): u32 {
  let bits: u32 = 0;
  const flags = record.flags;
  if ((flags & LINE_UP) != 0) bits = EFFECT_DOWN;
  if ((flags & (LINE_AUTOMASKED | LINE_MASK_REQUESTED)) == LINE_AUTOMASKED) bits |= EFFECT_UNMASK;
  record.flags = flags & ~LINE_UP;
  record.state = LINE_INACTIVE;
  lineStatisticsAt(line).completions++;
  trace(TRACE_EOI, line, lineBindingAt(line).trigger, 0);
  return bits;
}

/** Makes the oldest PENDING line ACTIVE, or notes that nothing is outstanding. */
function serveNext(): void {
  const next = takeOldest();
  if (next != NO_LINE) {
    trace(TRACE_INJECT_PENDING, next, lineBindingAt(next).trigger, 0);
    makeSerialActive(next, lineAt(next));
    return;
  }
  if (config.directMapping != 0 && config.mmapTimeoutMs == TIMEOUT_ON_IDLE) setMapping(1);
}

function completeSerial(line: u32): void {
  const record = lineAt(line);
  const bits = deactivate(line, record);
  machine.serialActive = NO_LINE;
  if (bits != 0) push(bits | line);
  if (record.again != 0) {
    record.again--;
    record.state = LINE_PENDING;
    append(line);
  }
  serveNext();
}

/**
 * The guest has completed an independent line (EOI sources 1 and 2). Nothing
 * happens unless it is ACTIVE and the machine has seen it go up.
 */
export function completeIndependent(line: u32): void {
  const record = lineAt(line);
  if (record.state != LINE_ACTIVE || (record.flags & LINE_INDEPENDENT) == 0) return;
  if (!isApplied(lineTimingAt(line).upAt)) return;
  removeActive(line);
  const bits = deactivate(line, record);
  if (record.again != 0) {
    record.again--;
    makeIndependentActive(line, record, bits);
  } else if (bits != 0) {
    push(bits | line);
  }
}

/**
 * EOI sources 3 and 4 after a guest access that reached the device. `active`
 * and `upAt` are machine.serialActive and transient.serialUpAt as they were
 * when the access began: a line that became ACTIVE during it is not completed.
 */
export function completeByAccess(write: bool, active: u32, upAt: u32): void {
  if (active == NO_LINE || machine.serialActive != active || transient.serialUpAt != upAt) return;
  if (!isApplied(upAt)) return;
  if (write || lineAt(active).eoi == EOI_ACCESS) completeSerial(active);
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
  if (state == LINE_PENDING) remove(line);
  else if ((record.flags & LINE_INDEPENDENT) != 0) removeActive(line);
  if (wasUp) push(EFFECT_DOWN | line);
  if (machine.serialActive == line) {
    machine.serialActive = NO_LINE;
    serveNext();
  }
}
