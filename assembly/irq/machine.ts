import { LINE_ARMED, PHASE_OPEN, POLICY_QEMU } from '../boundary/options';
import { STATUS_CLOSED, STATUS_NO_LINE } from '../boundary/status';
import { DOORBELL, DOORBELL_COUNTS, DOORBELL_WORDS } from '../state/layout';
import {
  config,
  device,
  deviceStatistics,
  lineAt,
  lineStatisticsAt,
  machine,
  transient,
} from '../state/records';
import { ring } from './doorbell';
import { waiting } from './effects';
import { checkInvariants } from './invariants';
import * as qemu from './qemu';
import { serveRetries } from './retry';
import { findStalls } from './stall';
import * as strict from './strict';

/** The interrupt machine as the outside sees it: stimuli, whatever the policy. */

function handleSignal(line: u32, count: u32): void {
  if ((lineAt(line).flags & LINE_ARMED) == 0) return;
  if (config.policy == POLICY_QEMU) qemu.signal(line, count);
  else strict.signal(line, count);
  if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
}

/**
 * `count` signals were drained from the trigger eventfd of `line`; 0 is a
 * spurious wake-up. While the device is paused they wait in the doorbell.
 * @returns what there is to do (boundary/effects.ts), or a negative status
 */
export function signal(line: u32, count: u32): i32 {
  if (line >= device.lineCount) return device.phase == PHASE_OPEN ? STATUS_NO_LINE : STATUS_CLOSED;
  if (machine.paused == 0) handleSignal(line, count);
  else if (count == 0) lineStatisticsAt(line).spurious++;
  else ring(line, count);
  return waiting();
}

/** Handles the signals that wait in the doorbell, highest line first. */
function answerDoorbell(): void {
  let words = atomic.xchg<u32>(DOORBELL, 0);
  while (words != 0) {
    const word = 31 - clz(words);
    words &= ~(1 << word);
    let lines = atomic.xchg<u32>(DOORBELL_WORDS + (word << 2), 0);
    while (lines != 0) {
      const bit = 31 - clz(lines);
      lines &= ~(1 << bit);
      const line: u32 = (word << 5) + bit;
      const count = atomic.xchg<u32>(DOORBELL_COUNTS + (line << 2), 0);
      // 0 when a thread rang in between: its count was taken with the one before.
      if (count != 0 && line < device.lineCount) handleSignal(line, count);
    }
  }
}

/** A safe point of the machine at `nowMs` of machine time. */
export function safePoint(nowMs: f64): void {
  transient.nowMs = nowMs;
  deviceStatistics.safePoints++;
  if (machine.paused != 0) return;
  if (load<u32>(DOORBELL) != 0) answerDoorbell();
  if (config.policy == POLICY_QEMU) return;
  serveRetries();
  findStalls();
}

/** The mmap timer fired. */
export function timerFired(): void {
  if (device.phase != PHASE_OPEN || machine.timerRunning == 0) return;
  if (config.policy == POLICY_QEMU) qemu.timerFired();
  else strict.timerFired();
}

/** Takes a line out of the machine. */
export function forget(line: u32): void {
  if (config.policy == POLICY_QEMU) qemu.forget(line);
  else strict.forget(line);
}
