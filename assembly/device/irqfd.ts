import {
  KVM_IRQFD,
  KVM_IRQFD_FD,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQFD_FLAG_RESAMPLE,
  KVM_IRQFD_FLAGS,
  KVM_IRQFD_GSI,
  KVM_IRQFD_RESAMPLEFD,
  KVM_IRQFD_SIZE,
} from '../abi/kvm';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
} from '../abi/vfio';
import * as host from '../boundary/host';
import { NODE_KVM_VM } from '../boundary/nodes';
import { ARM_IRQFD, ARM_NONE, LINE_MASK_REQUESTED } from '../boundary/options';
import {
  STATUS_FELL_BACK,
  STATUS_OK,
  STEP_EVENTFD,
  STEP_KVM_IRQFD,
  STEP_MASK,
  STEP_OPEN_KVM,
  STEP_SET_RESAMPLE,
  STEP_SET_TRIGGER,
  STEP_UNMASK,
} from '../boundary/status';
import { TRACE_EDGE_IRQFD, TRACE_LEVEL_IRQFD } from '../boundary/trace-events';
import { trace } from '../irq/effects';
import { NO_HANDLE, SCRATCH } from '../state/layout';
import { device, LineBinding, lineAt, lineBindingAt } from '../state/records';
import { fail } from './failure';
import { act, setEventfd } from './irq-set';
import { arm, checkUsable, closeEventfds, isAutomasked, newEventfd, setArmed } from './lines';
import { call, put } from './scratch';

/** Lines that the machine's in-kernel irqchip takes directly (spec S8). */

function callIrqfd(binding: LineBinding, flags: u32): i32 {
  memory.fill(SCRATCH, 0, KVM_IRQFD_SIZE);
  put(KVM_IRQFD_FD, binding.trigger);
  put(KVM_IRQFD_GSI, binding.gsi);
  put(KVM_IRQFD_FLAGS, flags);
  put(KVM_IRQFD_RESAMPLEFD, binding.resample);
  return call(device.kvm, KVM_IRQFD);
}

/** Creates the eventfds and registers them with KVM. */
function assign(line: u32, binding: LineBinding): i32 {
  if (device.kvm == NO_HANDLE) {
    const kvm = host.open(NODE_KVM_VM, 0);
    if (kvm < 0) return fail(STEP_OPEN_KVM, kvm, line);
    device.kvm = kvm;
  }
  const trigger = newEventfd();
  if (trigger < 0) return fail(STEP_EVENTFD, trigger, line);
  binding.trigger = trigger;
  const level = isAutomasked(binding);
  if (level) {
    const resample = newEventfd();
    if (resample < 0) return fail(STEP_EVENTFD, resample, line);
    binding.resample = resample;
  }
  const result = callIrqfd(binding, level ? KVM_IRQFD_FLAG_RESAMPLE : 0);
  return result < 0 ? fail(STEP_KVM_IRQFD, result, line) : STATUS_OK;
}

/** The VFIO side: a level line is masked while its eventfds are put in place. */
function connect(line: u32, binding: LineBinding): i32 {
  if (isAutomasked(binding)) {
    const masked = act(line, VFIO_IRQ_SET_ACTION_MASK);
    if (masked < 0) return fail(STEP_MASK, masked, line);
    const resampled = setEventfd(line, VFIO_IRQ_SET_ACTION_UNMASK, binding.resample);
    if (resampled < 0) return fail(STEP_SET_RESAMPLE, resampled, line);
    if ((lineAt(line).flags & LINE_MASK_REQUESTED) == 0) {
      const unmasked = act(line, VFIO_IRQ_SET_ACTION_UNMASK);
      if (unmasked < 0) return fail(STEP_UNMASK, unmasked, line);
    }
  }
  const triggered = setEventfd(line, VFIO_IRQ_SET_ACTION_TRIGGER, binding.trigger);
  return triggered < 0 ? fail(STEP_SET_TRIGGER, triggered, line) : STATUS_OK;
}

/** Undoes the kernel's side of an irqfd line; the trigger is off already. */
export function removeIrqfd(line: u32): void {
  const binding = lineBindingAt(line);
  if (binding.resample != NO_HANDLE) setEventfd(line, VFIO_IRQ_SET_ACTION_UNMASK, NO_HANDLE);
  callIrqfd(binding, KVM_IRQFD_FLAG_DEASSIGN);
}

/**
 * Arms the line on input `gsi` of the kernel irqchip.
 * @returns STATUS_FELL_BACK when KVM or VFIO refused and the user-side machine
 *   serves the line instead; the failure record tells why
 */
export function armIrqfd(line: u32, gsi: u32): i32 {
  const binding = lineBindingAt(line);
  if (binding.armed != ARM_NONE) return STATUS_OK;
  const usable = checkUsable(line);
  if (usable != STATUS_OK) return usable;
  binding.gsi = gsi;
  let status = assign(line, binding);
  if (status == STATUS_OK) {
    status = connect(line, binding);
    if (status != STATUS_OK) {
      removeIrqfd(line);
      // Masked by connect(): arm() below has to unmask it.
      binding.everArmed = 1;
    }
  }
  if (status == STATUS_OK) {
    setArmed(line, ARM_IRQFD);
    binding.everArmed = 1;
    if (isAutomasked(binding)) trace(TRACE_LEVEL_IRQFD, line, binding.trigger, binding.resample);
    else trace(TRACE_EDGE_IRQFD, line, binding.trigger, 0);
    return STATUS_OK;
  }
  closeEventfds(binding);
  const step = device.failureStep;
  const errno = device.failureErrno;
  const armed = arm(line);
  if (armed != STATUS_OK) return armed;
  fail(step, -(<i32>errno), line);
  return STATUS_FELL_BACK;
}
