import { VFIO_IRQ_SET_ACTION_UNMASK } from '../abi/vfio';
import { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP } from '../boundary/effects';
import {
  LINE_ACTIVE,
  LINE_AUTOMASKED,
  LINE_INACTIVE,
  LINE_MASK_REQUESTED,
  LINE_PENDING,
  LINE_UP,
} from '../boundary/options';
import {
  TRACE_EOI,
  TRACE_INJECT,
  TRACE_INJECT_PENDING,
  TRACE_PENDING,
  TRACE_STILL_ACTIVE,
} from '../boundary/trace-events';
import { act } from '../device/irq-set';
import { ACTIVE_SET, NO_LINE } from '../state/layout';
import { device, lineAt, lineBindingAt, lineStatisticsAt, machine } from '../state/records';
import { push, trace } from './effects';
import { highest, insert, remove } from './line-set';
import { setMapping, startTimer } from './mapping';

/**
 * The interrupt machine of policy 'qemu' (spec S6), with QEMU's defects: a
 * line can be queued twice, and nobody looks at lost ones. Bit-exact, so keep
 * every oddity.
 */

function setState(line: u32, state: u32): void {
  const record = lineAt(line);
  const before = record.state;
  if (before == state) return;
  if (before == LINE_ACTIVE) remove(ACTIVE_SET, line);
  if (state == LINE_ACTIVE) insert(ACTIVE_SET, line);
  if (before == LINE_INACTIVE) machine.outstanding++;
  if (state == LINE_INACTIVE) machine.outstanding--;
  record.state = state;
}

/** Membership is never checked: the list corrupts itself as QEMU's does. */
function append(line: u32): void {
  lineAt(line).next = NO_LINE;
  if (machine.fifoHead == NO_LINE) machine.fifoHead = line;
  else lineAt(machine.fifoTail).next = line;
  machine.fifoTail = line;
}

function takeOldest(): u32 {
  const head = machine.fifoHead;
  if (head == NO_LINE) return head;
  const record = lineAt(head);
  machine.fifoHead = record.next;
  if (record.next == NO_LINE) machine.fifoTail = NO_LINE;
  record.next = NO_LINE;
  return head;
}

function raise(line: u32): void {
  const record = lineAt(line);
  setState(line, LINE_ACTIVE);
  if ((record.flags & LINE_UP) != 0) return;
  record.flags |= LINE_UP;
  push(EFFECT_UP | line);
}

export function signal(line: u32, count: u32): void {
  const statistics = lineStatisticsAt(line);
  statistics.signals += count;
  if (count == 0) statistics.spurious++;
  if (lineAt(line).state == LINE_INACTIVE && machine.outstanding != 0) {
    trace(TRACE_PENDING, line, 0, 0);
    setState(line, LINE_PENDING);
    append(line);
    return;
  }
  trace(TRACE_INJECT, line, lineBindingAt(line).trigger, 0);
  setMapping(0);
  startTimer();
  raise(line);
}

/** After every chunk of every trapped access that did not fail to read; `last` of the access. */
export function completeByChunk(last: bool): void {
  const line = highest(ACTIVE_SET);
  if (line != NO_LINE) {
    const record = lineAt(line);
    trace(TRACE_EOI, line, lineBindingAt(line).trigger, 0);
    lineStatisticsAt(line).completions++;
    setState(line, LINE_INACTIVE);
    let bits: u32 = (record.flags & LINE_UP) != 0 ? EFFECT_DOWN : 0;
    record.flags &= ~LINE_UP;
    if ((record.flags & (LINE_AUTOMASKED | LINE_MASK_REQUESTED)) == LINE_AUTOMASKED) {
      // QEMU unmasks between the chunks of an access, where effects cannot be
      // applied. The result is ignored, as there.
      if (last) bits |= EFFECT_UNMASK;
      else if (act(line, VFIO_IRQ_SET_ACTION_UNMASK) < 0) lineStatisticsAt(line).unmaskFailures++;
    }
    if (bits != 0) push(bits | line);
  }
  const next = takeOldest();
  if (next == NO_LINE) return;
  trace(TRACE_INJECT_PENDING, next, lineBindingAt(next).trigger, 0);
  raise(next);
}

/** The mmap timer fired; PENDING lines are not looked at. */
export function timerFired(): void {
  machine.timerRunning = 0;
  const line = highest(ACTIVE_SET);
  if (line != NO_LINE) {
    trace(TRACE_STILL_ACTIVE, line, 0, 0);
    startTimer();
  } else {
    setMapping(1);
  }
}

/** Takes `line` out of the list; bounded, because the list may run in a circle. */
function unlink(line: u32): void {
  let previous: u32 = NO_LINE;
  let at = machine.fifoHead;
  for (let i: u32 = 0; i < device.lineCount && at != NO_LINE; i++) {
    const next = lineAt(at).next;
    if (at == line) {
      if (previous == NO_LINE) machine.fifoHead = next;
      else lineAt(previous).next = next;
      if (machine.fifoTail == line) machine.fifoTail = previous;
      break;
    }
    previous = at;
    at = next;
  }
  lineAt(line).next = NO_LINE;
}

/** Takes a line out of the machine, whatever its state (it is being disarmed). */
export function forget(line: u32): void {
  const record = lineAt(line);
  if (record.state == LINE_ACTIVE) lineStatisticsAt(line).abandoned++;
  unlink(line);
  setState(line, LINE_INACTIVE);
  if ((record.flags & LINE_UP) != 0) push(EFFECT_DOWN | line);
  record.flags &= ~LINE_UP;
}
