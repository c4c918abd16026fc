import {
  ARM_NONE,
  EOI_IRQCHIP,
  LINE_INACTIVE,
  LINE_MASK_REQUESTED,
  LINE_RETRYING,
  PHASE_CLOSED,
  PHASE_OPEN,
  POLICY_QEMU,
} from '../boundary/options';
import { STATUS_CLOSED, STATUS_NO_LINE, STATUS_OK, STATUS_WRONG_PHASE } from '../boundary/status';
import { waiting } from '../irq/effects';
import * as machineInput from '../irq/machine';
import * as retry from '../irq/retry';
import { updateSpecial } from '../irq/special';
import { completeIndependent } from '../irq/strict';
import { config, device, lineAt, lineBindingAt, lineStatisticsAt, machine } from '../state/records';
import * as irqfd from './irqfd';
import { admit } from './lifecycle';
import * as lines from './lines';
import * as masking from './mask';
import * as resetting from './reset';
import * as restoring from './restore';

/**
 * Control calls of the open device, guarded: one at a time, with a line that
 * exists. Signals and accesses are not control calls, they may come at any time.
 */

/** 0 when a control call for `line` may run. */
function admitLine(line: u32): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted != STATUS_OK) return admitted;
  return line < device.lineCount ? STATUS_OK : STATUS_NO_LINE;
}

function done(status: i32): i32 {
  device.busy = 0;
  return status;
}

/** Arms a line for the user-side machine; does nothing when it is armed. */
export function armLine(line: u32): i32 {
  const admitted = admitLine(line);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(lines.arm(line));
}

/** Arms a line on input `gsi` of the kernel irqchip; may fall back (STATUS_FELL_BACK). */
export function armIrqfd(line: u32, gsi: u32): i32 {
  const admitted = admitLine(line);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(irqfd.armIrqfd(line, gsi));
}

/** Takes a line out of service, whatever its state. */
export function disarmLine(line: u32): i32 {
  const admitted = admitLine(line);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(lines.disarm(line));
}

/** Masks a maskable line in the host until unmaskLine(). */
export function maskLine(line: u32): i32 {
  const admitted = admitLine(line);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(masking.maskLine(line));
}

/** Ends maskLine(); also one more try for a stuck line. */
export function unmaskLine(line: u32): i32 {
  const admitted = admitLine(line);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(masking.unmaskLine(line));
}

/** Machine reset (spec S9). */
export function reset(): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(resetting.reset());
}

/** The machine stands still: signals wait, lines keep their level. */
export function pause(): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted == STATUS_OK) machine.paused = 1;
  updateSpecial();
  return admitted;
}

/** Ends pause(); what waited is handled at the next safe point. */
export function resume(): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted == STATUS_OK) machine.paused = 0;
  updateSpecial();
  return admitted;
}

/** Readies the doorbell for a snapshot. */
export function gatherSignals(): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted == STATUS_OK) restoring.gatherSignals();
  return admitted;
}

export function beginRestore(): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted == STATUS_OK) restoring.beginRestore();
  return admitted;
}

export function endRestore(nowMs: f64): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  return done(restoring.endRestore(nowMs));
}

/** 0 when `line` of the open device exists. */
function checkLine(line: u32): i32 {
  if (device.phase != PHASE_OPEN) {
    return device.phase == PHASE_CLOSED ? STATUS_CLOSED : STATUS_WRONG_PHASE;
  }
  return line < device.lineCount ? STATUS_OK : STATUS_NO_LINE;
}

/**
 * The machine's interrupt controller saw the guest complete `line` (EOI source 1).
 * @returns what there is to do (boundary/effects.ts), or a negative status
 */
export function completeLine(line: u32): i32 {
  const status = checkLine(line);
  if (status != STATUS_OK) return status;
  if (config.policy != POLICY_QEMU && lineAt(line).eoi == EOI_IRQCHIP) completeIndependent(line);
  return waiting();
}

/**
 * How unmasking `line` went: 0, or −errno. After EFFECT_UNMASK only a failure
 * is reported, after EFFECT_RETRY_UNMASK every result.
 */
export function unmaskResult(line: u32, result: i32): i32 {
  const status = checkLine(line);
  if (status != STATUS_OK) return status;
  if (config.policy == POLICY_QEMU) {
    lineStatisticsAt(line).unmaskFailures++;
    return STATUS_OK;
  }
  const record = lineAt(line);
  // Somebody else has decided about the mask since.
  if (lineBindingAt(line).armed == ARM_NONE || record.state != LINE_INACTIVE) return STATUS_OK;
  if ((record.flags & LINE_MASK_REQUESTED) != 0) return STATUS_OK;
  if (result < 0) retry.unmaskFailed(line);
  else if ((record.flags & LINE_RETRYING) != 0) retry.endRetries(line);
  return STATUS_OK;
}

/**
 * A safe point of the machine, at `nowMs` milliseconds of machine time.
 * @returns what there is to do (boundary/effects.ts)
 */
export function safePoint(nowMs: f64): u32 {
  if (device.phase == PHASE_OPEN) machineInput.safePoint(nowMs);
  return waiting();
}
