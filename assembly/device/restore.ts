import { VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK } from '../abi/vfio';
import {
  EFFECT_MAPPING_OFF,
  EFFECT_MAPPING_ON,
  EFFECT_TIMER_START,
  EFFECT_UP,
} from '../boundary/effects';
import {
  ARM_USER,
  LINE_ACTIVE,
  LINE_AUTOMASKED,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  LINE_MASK_REQUESTED,
  LINE_RETRYING,
  LINE_STUCK,
} from '../boundary/options';
import { STATUS_OK, STEP_MASK, STEP_UNMASK } from '../boundary/status';
import { isSignalled } from '../irq/doorbell';
import { push, pushUp } from '../irq/effects';
import { appendActive } from '../irq/independent';
import { stopTimer } from '../irq/mapping';
import { publishNextEoi } from '../irq/next-eoi';
import { updateSpecial } from '../irq/special';
import { EOI_STEP } from '../state/layout';
import { device, lineAt, lineBindingAt, machine, transient } from '../state/records';
import { fail } from './failure';
import { act } from './irq-set';
import { drain, setArmed } from './lines';
import { quietLines } from './reset';

/**
 * Restoring a snapshot takes two calls: beginRestore(), then the host copies
 * the block from MACHINE to the end of LINES, then endRestore().
 */

/** Brings the signals that wait in eventfds to the doorbell, where a snapshot finds them. */
export function gatherSignals(): void {
  for (let line: u32 = 0; line < device.lineCount; line++) isSignalled(line);
}

/** Puts the machine to rest and throws away signals that wait. */
export function beginRestore(): void {
  transient.pausedByHost = machine.paused;
  quietLines();
  stopTimer();
  for (let line: u32 = 0; line < device.lineCount; line++) drain(line);
}

/** Brings the kernel's mask of a level line in step with its restored state. */
function restoreMask(line: u32): i32 {
  const record = lineAt(line);
  const holding = LINE_RETRYING | LINE_STUCK | LINE_MASK_REQUESTED;
  if (record.state != LINE_INACTIVE || (record.flags & holding) != 0) {
    const masked = act(line, VFIO_IRQ_SET_ACTION_MASK);
    return masked < 0 ? fail(STEP_MASK, masked, line) : STATUS_OK;
  }
  // Unmasking samples the line again: if it is high it signals.
  const unmasked = act(line, VFIO_IRQ_SET_ACTION_UNMASK);
  return unmasked < 0 ? fail(STEP_UNMASK, unmasked, line) : STATUS_OK;
}

/** Tells machine and kernel what the restored state means for them. */
export function endRestore(nowMs: f64): i32 {
  let status = STATUS_OK;
  transient.nowMs = nowMs;
  // Whether this machine stands still is not the snapshot's to say.
  machine.paused = transient.pausedByHost;
  updateSpecial();
  push(machine.mappingOn != 0 ? EFFECT_MAPPING_ON : EFFECT_MAPPING_OFF);
  if (machine.timerRunning != 0) push(EFFECT_TIMER_START);
  for (let line: u32 = 0; line < device.lineCount; line++) {
    const record = lineAt(line);
    setArmed(line, lineBindingAt(line).armed);
    if ((record.flags & LINE_AUTOMASKED) != 0 && lineBindingAt(line).armed == ARM_USER) {
      const result = restoreMask(line);
      if (status == STATUS_OK) status = result;
    }
    if (record.state != LINE_ACTIVE) continue;
    if ((record.flags & LINE_INDEPENDENT) != 0) appendActive(line);
    else transient.activations += EOI_STEP;
    pushUp(EFFECT_UP | line, line);
  }
  publishNextEoi();
  return status;
}
