import {
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_UNMASK,
} from '../abi/vfio';
import { LINE_INACTIVE, LINE_MASK_REQUESTED, LINE_RETRYING, LINE_STUCK } from '../boundary/options';
import { STATUS_INVALID, STATUS_OK, STEP_MASK, STEP_UNMASK } from '../boundary/status';
import { isSignalled } from '../irq/doorbell';
import { endRetries } from '../irq/retry';
import { lineAt, lineBindingAt } from '../state/records';
import { fail } from './failure';
import { act } from './irq-set';

/** Masking a line in the host on request, on top of the kernel's auto-masking. */

function isMaskable(line: u32): bool {
  return (lineBindingAt(line).irqFlags & VFIO_IRQ_INFO_MASKABLE) != 0;
}

/** STATUS_INVALID for a line that is not maskable (edge lines are not). */
export function maskLine(line: u32): i32 {
  if (!isMaskable(line)) return STATUS_INVALID;
  const record = lineAt(line);
  const result = act(line, VFIO_IRQ_SET_ACTION_MASK);
  if (result < 0) return fail(STEP_MASK, result, line);
  if ((record.flags & (LINE_RETRYING | LINE_STUCK)) != 0) endRetries(line);
  record.flags |= LINE_MASK_REQUESTED;
  return STATUS_OK;
}

/**
 * Ends maskLine(). A line that is being handled stays auto-masked until its
 * EOI; a stuck line is unmasked once more.
 */
export function unmaskLine(line: u32): i32 {
  if (!isMaskable(line)) return STATUS_INVALID;
  const record = lineAt(line);
  if (record.state == LINE_INACTIVE && !isSignalled(line)) {
    const result = act(line, VFIO_IRQ_SET_ACTION_UNMASK);
    if (result < 0) return fail(STEP_UNMASK, result, line);
    if ((record.flags & (LINE_RETRYING | LINE_STUCK)) != 0) endRetries(line);
  }
  record.flags &= ~LINE_MASK_REQUESTED;
  return STATUS_OK;
}
