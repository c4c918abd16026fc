import { attachCdev, detachCdev } from '../attach/cdev';
import { dmaUnmapAll } from '../attach/dma';
import { attachGroup, detachGroup, openGroupDevice } from '../attach/group';
import * as host from '../boundary/host';
import {
  BACKEND_CDEV,
  PHASE_ATTACHED,
  PHASE_CLOSED,
  PHASE_NEW,
  PHASE_OPEN,
} from '../boundary/options';
import { STATUS_CLOSED, STATUS_OK, STATUS_REENTRANT, STATUS_WRONG_PHASE } from '../boundary/status';
import { stopTimer } from '../irq/mapping';
import { updateSpecial } from '../irq/special';
import { NO_HANDLE } from '../state/layout';
import { config, device, machine, transient } from '../state/records';
import { discover } from './discover';
import { fail } from './failure';
import { disarmAll } from './lines';
import { mapRegions, unmapRegions } from './regions';
import { quietLines } from './reset';

/** The life of a device: attached, open, closed. */

/** 0 when a control call may run in `phase` now. */
export function admit(phase: u32): i32 {
  if (device.busy != 0) return STATUS_REENTRANT;
  if (device.phase == phase) return STATUS_OK;
  return device.phase == PHASE_CLOSED ? STATUS_CLOSED : STATUS_WRONG_PHASE;
}

function unwind(): void {
  unmapRegions();
  device.regionCount = 0;
  device.lineCount = 0;
  if (device.backend != BACKEND_CDEV && device.device != NO_HANDLE) {
    host.close(device.device);
    device.device = NO_HANDLE;
  }
  if (device.backend == BACKEND_CDEV) detachCdev();
  else detachGroup();
  if (device.kvm != NO_HANDLE) host.close(device.kvm);
  device.kvm = NO_HANDLE;
  device.phase = PHASE_NEW;
}

/** Opens what stands in front of the device: group and container, or node and iommufd. */
export function attach(backend: u32): i32 {
  const admitted = admit(PHASE_NEW);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  device.backend = backend;
  device.group = NO_HANDLE;
  device.container = NO_HANDLE;
  device.device = NO_HANDLE;
  device.iommufd = NO_HANDLE;
  device.kvm = NO_HANDLE;
  device.ioas = 0;
  device.pageSizesLow = 0;
  device.pageSizesHigh = 0;
  device.iovaRangeCount = 0;
  device.windowNext = config.windowStart;
  const status = backend == BACKEND_CDEV ? attachCdev() : attachGroup();
  if (status != STATUS_OK) unwind();
  else device.phase = PHASE_ATTACHED;
  device.busy = 0;
  return status;
}

/**
 * Opens the device itself, finds its regions and lines, and maps what can be
 * mapped. `nowMs` is the time of the machine.
 */
export function openDevice(nowMs: f64): i32 {
  const admitted = admit(PHASE_ATTACHED);
  if (admitted != STATUS_OK) return admitted;
  device.busy = 1;
  let status = device.backend == BACKEND_CDEV ? STATUS_OK : openGroupDevice();
  if (status == STATUS_OK) status = discover();
  if (status == STATUS_OK) {
    mapRegions();
    quietLines();
    transient.nowMs = nowMs;
    machine.mappingOn = 1;
    device.phase = PHASE_OPEN;
    updateSpecial();
  } else {
    // The failure record must survive the unwinding.
    const step = device.failureStep;
    const errno = device.failureErrno;
    const detail = device.failureDetail;
    dmaUnmapAll();
    unwind();
    fail(step, -(<i32>errno), detail);
  }
  device.busy = 0;
  return status;
}

/**
 * Gives everything back, in the order of spec S9. Idempotent. Goes on after a
 * failure; the first one is in the failure record.
 */
export function close(): i32 {
  if (device.phase == PHASE_CLOSED) return STATUS_OK;
  if (device.busy != 0) return STATUS_REENTRANT;
  device.busy = 1;
  let status = STATUS_OK;
  if (device.phase == PHASE_OPEN) {
    quietLines();
    stopTimer();
    status = disarmAll();
  }
  if (device.phase != PHASE_NEW) {
    const step = device.failureStep;
    const errno = device.failureErrno;
    const detail = device.failureDetail;
    unmapRegions();
    const unmapped = dmaUnmapAll();
    if (status != STATUS_OK) fail(step, -(<i32>errno), detail);
    else status = unmapped;
    unwind();
  }
  device.phase = PHASE_CLOSED;
  updateSpecial();
  device.busy = 0;
  return status;
}
