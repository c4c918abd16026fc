import { STATUS_FAILED } from '../boundary/status';
import { device } from '../state/records';

/**
 * Fills the failure record.
 * @param result −errno of the call that failed, or 0 where no call failed
 * @returns STATUS_FAILED, so that a step can end with `return fail(...)`
 */
export function fail(step: u32, result: i32, detail: u32): i32 {
  device.failureStep = step;
  device.failureErrno = result < 0 ? -result : 0;
  device.failureDetail = detail;
  return STATUS_FAILED;
}
