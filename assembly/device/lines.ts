import { EFD_CLOEXEC, EFD_NONBLOCK, EVENTFD_COUNTER_SIZE } from '../abi/linux';
import {
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
} from '../abi/vfio';
import * as host from '../boundary/host';
import {
  ARM_IRQFD,
  ARM_NONE,
  ARM_USER,
  LINE_ARMED,
  LINE_MASK_REQUESTED,
} from '../boundary/options';
import {
  STATUS_OK,
  STEP_DISARM,
  STEP_EVENTFD,
  STEP_LINE_UNUSABLE,
  STEP_SET_TRIGGER,
  STEP_UNMASK,
  STEP_WATCH,
} from '../boundary/status';
import { isSignalled, silence } from '../irq/doorbell';
import { forget } from '../irq/machine';
import { NO_HANDLE, SCRATCH } from '../state/layout';
import { device, LineBinding, lineAt, lineBindingAt } from '../state/records';
import { fail } from './failure';
import { act, disable, setEventfd } from './irq-set';
import { removeIrqfd } from './irqfd';

/** Arming and disarming of lines (spec S8, "Arming is late"). */

export function isAutomasked(binding: LineBinding): bool {
  return (binding.irqFlags & VFIO_IRQ_INFO_AUTOMASKED) != 0;
}

/** Checks that the kernel can signal the line through an eventfd. */
export function checkUsable(line: u32): i32 {
  const binding = lineBindingAt(line);
  const usable = binding.irqCount == 1 && (binding.irqFlags & VFIO_IRQ_INFO_EVENTFD) != 0;
  return usable ? STATUS_OK : fail(STEP_LINE_UNUSABLE, 0, line);
}

/** A new eventfd, or −errno. */
export function newEventfd(): i32 {
  return host.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

export function closeEventfds(binding: LineBinding): void {
  if (binding.trigger != NO_HANDLE) host.close(binding.trigger);
  if (binding.resample != NO_HANDLE) host.close(binding.resample);
  binding.trigger = NO_HANDLE;
  binding.resample = NO_HANDLE;
}

/**
 * A level line that was armed before may have been left masked: its mask
 * outlives the trigger.
 */
function unmaskAgain(line: u32, binding: LineBinding): i32 {
  if (!isAutomasked(binding) || binding.everArmed == 0) return STATUS_OK;
  if ((lineAt(line).flags & LINE_MASK_REQUESTED) != 0 || isSignalled(line)) return STATUS_OK;
  const result = act(line, VFIO_IRQ_SET_ACTION_UNMASK);
  return result < 0 ? fail(STEP_UNMASK, result, line) : STATUS_OK;
}

/** Notes how the line is armed; the flag is what signals look at. */
export function setArmed(line: u32, how: u32): void {
  lineBindingAt(line).armed = how;
  const record = lineAt(line);
  record.flags = how == ARM_USER ? record.flags | LINE_ARMED : record.flags & ~LINE_ARMED;
}

/** Arms the line for the user-side machine. Does nothing when it is armed. */
export function arm(line: u32): i32 {
  const binding = lineBindingAt(line);
  if (binding.armed != ARM_NONE) return STATUS_OK;
  const usable = checkUsable(line);
  if (usable != STATUS_OK) return usable;
  const trigger = newEventfd();
  if (trigger < 0) return fail(STEP_EVENTFD, trigger, line);
  binding.trigger = trigger;
  let status = STATUS_OK;
  const watched = host.watch(trigger, line);
  if (watched < 0) {
    status = fail(STEP_WATCH, watched, line);
  } else {
    // Counts as armed already here: a level line that is high signals at once.
    setArmed(line, ARM_USER);
    const result = setEventfd(line, VFIO_IRQ_SET_ACTION_TRIGGER, trigger);
    if (result < 0) status = fail(STEP_SET_TRIGGER, result, line);
    else status = unmaskAgain(line, binding);
    if (status != STATUS_OK) {
      if (result >= 0) disable(line);
      host.unwatch(trigger);
      silence(line);
      setArmed(line, ARM_NONE);
    }
  }
  if (status != STATUS_OK) closeEventfds(binding);
  else binding.everArmed = 1;
  return status;
}

/** Takes the line out of service, whatever its state. */
export function disarm(line: u32): i32 {
  const binding = lineBindingAt(line);
  if (binding.armed == ARM_NONE) return STATUS_OK;
  const byUser = binding.armed == ARM_USER;
  if (byUser) host.unwatch(binding.trigger);
  const result = disable(line);
  if (!byUser) removeIrqfd(line);
  setArmed(line, ARM_NONE);
  closeEventfds(binding);
  silence(line);
  forget(line);
  return result < 0 ? fail(STEP_DISARM, result, line) : STATUS_OK;
}

/**
 * Takes all lines out of service, step by step as spec S9 orders it. The
 * machine has been put to rest already.
 * @returns the first failure; the others are gone through all the same
 */
export function disarmAll(): i32 {
  const count = device.lineCount;
  for (let line: u32 = 0; line < count; line++) {
    const binding = lineBindingAt(line);
    if (binding.armed == ARM_USER) host.unwatch(binding.trigger);
  }
  let status = STATUS_OK;
  for (let line: u32 = 0; line < count; line++) {
    if (lineBindingAt(line).armed == ARM_NONE) continue;
    const result = disable(line);
    if (result < 0 && status == STATUS_OK) status = fail(STEP_DISARM, result, line);
  }
  for (let line: u32 = 0; line < count; line++) {
    const binding = lineBindingAt(line);
    if (binding.armed == ARM_NONE) continue;
    if (binding.armed == ARM_IRQFD) removeIrqfd(line);
    setArmed(line, ARM_NONE);
    closeEventfds(binding);
    silence(line);
  }
  return status;
}

/** Throws away what waits in the eventfd and in the doorbell (KVM empties that of an irqfd). */
export function drain(line: u32): void {
  const binding = lineBindingAt(line);
  if (binding.armed != ARM_USER) return;
  host.read(binding.trigger, SCRATCH, EVENTFD_COUNTER_SIZE);
  silence(line);
}
