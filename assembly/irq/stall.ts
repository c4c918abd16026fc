import { EFFECT_STALLED } from '../boundary/effects';
import { NO_LINE } from '../state/layout';
import { config, lineStatisticsAt, lineTimingAt, machine, transient } from '../state/records';
import { push } from './effects';
import { removeActive } from './independent';

function report(line: u32): void {
  lineStatisticsAt(line).stalls++;
  push(EFFECT_STALLED | line);
}

/** Reports, once each, the lines that have been ACTIVE for longer than the limit. */
export function findStalls(): void {
  const limitMs = <f64>config.stallLimitMs;
  if (limitMs == 0) return;
  const nowMs = transient.nowMs;
  const serial = machine.serialActive;
  // An activation counts from the first safe point that sees it: that costs
  // the interrupt path nothing.
  if (serial == NO_LINE || transient.stallActivation != transient.activations) {
    transient.stallActivation = transient.activations;
    transient.serialSinceMs = nowMs;
    transient.serialStallReported = 0;
  } else if (transient.serialStallReported == 0 && nowMs - transient.serialSinceMs > limitMs) {
    transient.serialStallReported = 1;
    report(serial);
  }
  const oldest = transient.oldestIndependent;
  if (oldest == NO_LINE) return;
  if (nowMs - lineTimingAt(oldest).activeSinceMs <= limitMs) return;
  // Out of the list, so that the next oldest has its turn at the next safe point.
  removeActive(oldest);
  report(oldest);
}
