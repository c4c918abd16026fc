import { EFFECT_RETRY_UNMASK, EFFECT_STUCK } from '../boundary/effects';
import { LINE_RETRYING, LINE_STUCK } from '../boundary/options';
import { MAX_UNMASK_BACKOFF } from '../limits';
import { NO_LINE, RETRY_SET } from '../state/layout';
import { config, deviceStatistics, lineAt, lineStatisticsAt, machine } from '../state/records';
import { isSignalled } from './doorbell';
import { push } from './effects';
import { insert, nextAfter, remove } from './line-set';

/**
 * Unmasking that failed is tried again at safe points (policy strict). One
 * line is served a safe point, in turn, so that the work stays constant.
 */

/** In retryWait: the unmask has been asked for again. */
const RESULT_AWAITED: u32 = 0xffffffff;

/** Notes one failed unmask of `line`: waits and tries again, or gives up. */
export function unmaskFailed(line: u32): void {
  const record = lineAt(line);
  lineStatisticsAt(line).unmaskFailures++;
  const failures = record.unmaskFailures + 1;
  record.unmaskFailures = failures;
  if (failures >= <u32>config.unmaskAttempts) {
    remove(RETRY_SET, line);
    record.flags = (record.flags & ~LINE_RETRYING) | LINE_STUCK;
    record.retryWait = 0;
    push(EFFECT_STUCK | line);
    return;
  }
  record.flags |= LINE_RETRYING;
  record.retryWait = min<u32>(1 << (failures - 1), MAX_UNMASK_BACKOFF);
  insert(RETRY_SET, line);
}

/** Ends the retries of `line`: it was unmasked, or somebody else decided. */
export function endRetries(line: u32): void {
  const record = lineAt(line);
  record.unmaskFailures = 0;
  record.retryWait = 0;
  record.flags &= ~(LINE_RETRYING | LINE_STUCK);
  remove(RETRY_SET, line);
}

/** One turn at a safe point. */
export function serveRetries(): void {
  const line = nextAfter(RETRY_SET, machine.retryCursor);
  if (line == NO_LINE) return;
  machine.retryCursor = line;
  const record = lineAt(line);
  if (record.retryWait == RESULT_AWAITED) return;
  if (record.retryWait > 1) {
    record.retryWait--;
    return;
  }
  // Masked for a signal that is on its way: its EOI will unmask the line.
  if (isSignalled(line)) return;
  deviceStatistics.unmaskRetries++;
  // The host may reach another safe point before it reports the result.
  record.retryWait = RESULT_AWAITED;
  push(EFFECT_RETRY_UNMASK | line);
}
