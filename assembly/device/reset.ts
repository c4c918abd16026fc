import {
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_RESET,
  VFIO_IRQ_SET_ACTION_UNMASK,
} from '../abi/vfio';
import { EFFECT_DOWN, EFFECT_UNMASK } from '../boundary/effects';
import * as host from '../boundary/host';
import {
  ARM_NONE,
  ARM_USER,
  LINE_ACTIVE,
  LINE_ARMED,
  LINE_AUTOMASKED,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  LINE_UP,
} from '../boundary/options';
import { STATUS_OK, STEP_DEVICE_RESET, STEP_UNMASK } from '../boundary/status';
import { push } from '../irq/effects';
import { setMapping, stopTimer } from '../irq/mapping';
import { publishNextEoi } from '../irq/next-eoi';
import { ACTIVE_SET, LINE_SET_SIZE, NO_LINE, RETRY_SET } from '../state/layout';
import {
  device,
  deviceStatistics,
  lineAt,
  lineBindingAt,
  lineStatisticsAt,
  lineTimingAt,
  machine,
  transient,
} from '../state/records';
import { fail } from './failure';
import { act } from './irq-set';
import { drain } from './lines';

/** Puts every line to rest: queues "down" for those that are up, empties FIFO and latches. */
export function quietLines(): void {
  for (let line: u32 = 0; line < device.lineCount; line++) {
    const record = lineAt(line);
    if ((record.flags & LINE_UP) != 0) push(EFFECT_DOWN | line);
    if (record.state == LINE_ACTIVE) lineStatisticsAt(line).abandoned++;
    record.state = LINE_INACTIVE;
    record.flags &= LINE_ARMED | LINE_AUTOMASKED | LINE_INDEPENDENT;
    record.again = 0;
    record.next = NO_LINE;
    record.previous = NO_LINE;
    record.unmaskFailures = 0;
    record.retryWait = 0;
    const timing = lineTimingAt(line);
    timing.next = NO_LINE;
    timing.previous = NO_LINE;
  }
  memory.fill(ACTIVE_SET, 0, LINE_SET_SIZE);
  memory.fill(RETRY_SET, 0, LINE_SET_SIZE);
  machine.serialActive = NO_LINE;
  machine.fifoHead = NO_LINE;
  machine.fifoTail = NO_LINE;
  machine.outstanding = 0;
  machine.retryCursor = NO_LINE;
  transient.oldestIndependent = NO_LINE;
  transient.newestIndependent = NO_LINE;
  publishNextEoi();
}

/**
 * Machine reset (spec S9). The device is reset first, so that its lines have
 * dropped before they are unmasked. A failing device reset is reported after
 * everything else is done.
 */
export function reset(): i32 {
  deviceStatistics.resets++;
  let status = STATUS_OK;
  if ((device.flags & VFIO_DEVICE_FLAGS_RESET) != 0) {
    const result = host.ioctl(device.device, VFIO_DEVICE_RESET, 0);
    if (result < 0) status = fail(STEP_DEVICE_RESET, result, 0);
  }
  quietLines();
  for (let line: u32 = 0; line < device.lineCount; line++) {
    const binding = lineBindingAt(line);
    if (binding.armed == ARM_NONE) continue;
    drain(line);
    if ((lineAt(line).flags & LINE_AUTOMASKED) == 0) continue;
    if (binding.armed == ARM_USER) {
      push(EFFECT_UNMASK | line);
      continue;
    }
    // The guest will not complete what it forgets now, so its irqchip will
    // not signal the resample eventfd either.
    const unmasked = act(line, VFIO_IRQ_SET_ACTION_UNMASK);
    if (unmasked < 0 && status == STATUS_OK) status = fail(STEP_UNMASK, unmasked, line);
  }
  stopTimer();
  setMapping(1);
  return status;
}
