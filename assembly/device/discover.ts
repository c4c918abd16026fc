import {
  VFIO_DEVICE_FLAGS_AMBA,
  VFIO_DEVICE_FLAGS_PLATFORM,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_INFO_FLAGS,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_DEVICE_INFO_SIZE,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_IRQ_INFO_INDEX,
  VFIO_IRQ_INFO_SIZE,
} from '../abi/vfio';
import { EOI_IRQCHIP, LINE_AUTOMASKED, LINE_INDEPENDENT } from '../boundary/options';
import {
  STATUS_OK,
  STEP_DEVICE_INFO,
  STEP_IRQ_INFO,
  STEP_NOT_PLATFORM,
  STEP_TOO_MANY_LINES,
  STEP_TOO_MANY_REGIONS,
} from '../boundary/status';
import { TRACE_IRQ_INFO } from '../boundary/trace-events';
import { trace } from '../irq/effects';
import { MAX_LINES, MAX_REGIONS } from '../limits';
import { NO_HANDLE, NO_LINE } from '../state/layout';
import { config, device, lineAt, lineBindingAt, lineTimingAt, transient } from '../state/records';
import { fail } from './failure';
import { discoverRegion } from './regions';
import { call, get, prepare, put } from './scratch';

/** What the device has: DEVICE_GET_INFO, regions, lines (spec S2.6, S4). */

function discoverLine(line: u32): i32 {
  prepare(VFIO_IRQ_INFO_SIZE);
  put(VFIO_IRQ_INFO_INDEX, line);
  const result = call(device.device, VFIO_DEVICE_GET_IRQ_INFO);
  if (result < 0) return fail(STEP_IRQ_INFO, result, line);
  const binding = lineBindingAt(line);
  binding.irqFlags = get(VFIO_IRQ_INFO_FLAGS);
  binding.irqCount = get(VFIO_IRQ_INFO_COUNT);
  binding.trigger = NO_HANDLE;
  binding.resample = NO_HANDLE;
  const record = lineAt(line);
  record.flags = binding.irqFlags & VFIO_IRQ_INFO_AUTOMASKED ? LINE_AUTOMASKED : 0;
  if (config.defaultEoi == EOI_IRQCHIP) record.flags |= LINE_INDEPENDENT;
  record.eoi = config.defaultEoi;
  record.next = NO_LINE;
  record.previous = NO_LINE;
  const timing = lineTimingAt(line);
  timing.next = NO_LINE;
  timing.previous = NO_LINE;
  timing.upAt = transient.effectHead - 1;
  trace(TRACE_IRQ_INFO, line, binding.irqCount, binding.irqFlags);
  return STATUS_OK;
}

export function discover(): i32 {
  prepare(VFIO_DEVICE_INFO_SIZE);
  const result = call(device.device, VFIO_DEVICE_GET_INFO);
  if (result < 0) return fail(STEP_DEVICE_INFO, result, 0);
  const flags = get(VFIO_DEVICE_INFO_FLAGS);
  if ((flags & (VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_AMBA)) == 0) {
    return fail(STEP_NOT_PLATFORM, 0, flags);
  }
  const regions = get(VFIO_DEVICE_INFO_NUM_REGIONS);
  const lines = get(VFIO_DEVICE_INFO_NUM_IRQS);
  if (regions > <u32>MAX_REGIONS) return fail(STEP_TOO_MANY_REGIONS, 0, regions);
  if (lines > <u32>MAX_LINES) return fail(STEP_TOO_MANY_LINES, 0, lines);
  device.flags = flags;
  for (let region: u32 = 0; region < regions; region++) {
    const status = discoverRegion(region);
    if (status != STATUS_OK) return status;
  }
  for (let line: u32 = 0; line < lines; line++) {
    const status = discoverLine(line);
    if (status != STATUS_OK) return status;
  }
  device.regionCount = regions;
  device.lineCount = lines;
  return STATUS_OK;
}
