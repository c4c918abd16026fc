import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_COUNT,
  VFIO_IRQ_SET_DATA,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_FLAGS,
  VFIO_IRQ_SET_INDEX,
  VFIO_IRQ_SET_SIZE,
} from '../abi/vfio';
import { device } from '../state/records';
import { call, prepare, put } from './scratch';

/** The forms of VFIO_DEVICE_SET_IRQS that a platform device knows. */

/** `action` with an eventfd, or with NO_HANDLE to take the eventfd away. */
export function setEventfd(line: u32, action: u32, handle: i32): i32 {
  prepare(VFIO_IRQ_SET_SIZE + 4);
  put(VFIO_IRQ_SET_FLAGS, VFIO_IRQ_SET_DATA_EVENTFD | action);
  put(VFIO_IRQ_SET_INDEX, line);
  put(VFIO_IRQ_SET_COUNT, 1);
  put(VFIO_IRQ_SET_DATA, handle);
  return call(device.device, VFIO_DEVICE_SET_IRQS);
}

/** `action` at once: mask, unmask or a loop-back trigger. */
export function act(line: u32, action: u32): i32 {
  prepare(VFIO_IRQ_SET_SIZE);
  put(VFIO_IRQ_SET_FLAGS, VFIO_IRQ_SET_DATA_NONE | action);
  put(VFIO_IRQ_SET_INDEX, line);
  put(VFIO_IRQ_SET_COUNT, 1);
  return call(device.device, VFIO_DEVICE_SET_IRQS);
}

/** Takes the trigger away: the line is off in the host. */
export function disable(line: u32): i32 {
  prepare(VFIO_IRQ_SET_SIZE);
  put(VFIO_IRQ_SET_FLAGS, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER);
  put(VFIO_IRQ_SET_INDEX, line);
  return call(device.device, VFIO_DEVICE_SET_IRQS);
}
