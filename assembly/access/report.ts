import { EFFECT_ACCESS_REPORT } from '../boundary/effects';
import { ACCESS_FAILED } from '../boundary/status';
import { push } from '../irq/effects';
import { MAX_ACCESS_REPORTS_PER_SECOND } from '../limits';
import { ACCESS_REPORT_STRIDE, ACCESS_REPORTS } from '../state/layout';
import { AccessReport, deviceStatistics, transient } from '../state/records';

/**
 * Notes an access that did not succeed. All are counted; at most a few a
 * second of machine time are reported, so that a guest cannot flood a log.
 */
export function reportAccess(
  reason: u32,
  errno: u32,
  region: u32,
  offset: u32,
  width: u32,
  write: bool,
): void {
  if (reason >= <u32>ACCESS_FAILED) deviceStatistics.failed++;
  else deviceStatistics.refused++;
  const nowMs = transient.nowMs;
  if (nowMs >= transient.reportWindowMs) {
    transient.reportWindowMs = nowMs + 1000;
    transient.reportsLeft = MAX_ACCESS_REPORTS_PER_SECOND;
  }
  if (transient.reportsLeft == 0) {
    transient.reportsSuppressed++;
    return;
  }
  const slot = --transient.reportsLeft;
  const report = changetype<AccessReport>(ACCESS_REPORTS + slot * ACCESS_REPORT_STRIDE);
  report.reason = reason;
  report.errno = errno;
  report.region = region;
  report.offset = offset;
  report.width = width;
  report.write = write ? 1 : 0;
  push(EFFECT_ACCESS_REPORT | slot);
}
