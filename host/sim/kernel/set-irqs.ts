import { EBADF, EFAULT, EINVAL, ENOTTY } from '../../../assembly/abi/linux';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_COUNT,
  VFIO_IRQ_SET_DATA,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_FLAGS,
  VFIO_IRQ_SET_INDEX,
  VFIO_IRQ_SET_SIZE,
  VFIO_IRQ_SET_START,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument } from '../../boundary/kernel';
import { EventFd } from './eventfd';
import type { FdTable } from './fd-table';
import type { IrqLine } from './irq';
import { VFIO_IRQ_SET_ACTION_MASKS, VFIO_IRQ_SET_DATA_MASK } from './numbers';
import { getU32, hasBytes } from './user-struct';

const U32_MAX = 0xffffffff;

/** Bytes of one element of the payload, or 0 without one, or −EINVAL unless exactly one type is given. */
function elementSize(flags: number): number {
  switch (flags & VFIO_IRQ_SET_DATA_MASK) {
    case VFIO_IRQ_SET_DATA_NONE:
      return 0;
    case VFIO_IRQ_SET_DATA_BOOL:
      return 1;
    case VFIO_IRQ_SET_DATA_EVENTFD:
      return 4;
    default:
      return -EINVAL;
  }
}

/**
 * VFIO_DEVICE_SET_IRQS as vfio-platform answers it: the checks that all VFIO
 * drivers share, in their order, then those of the platform driver.
 */
export function setIrqs(lines: readonly IrqLine[], argument: IoctlArgument, fds: FdTable): number {
  if (!hasBytes(argument, VFIO_IRQ_SET_SIZE)) return -EFAULT;
  const { bytes } = argument;
  const argsz = getU32(bytes, 0);
  const flags = getU32(bytes, VFIO_IRQ_SET_FLAGS);
  const index = getU32(bytes, VFIO_IRQ_SET_INDEX);
  const start = getU32(bytes, VFIO_IRQ_SET_START);
  const count = getU32(bytes, VFIO_IRQ_SET_COUNT);
  if (argsz < VFIO_IRQ_SET_SIZE || index >= lines.length || count >= U32_MAX - start) {
    return -EINVAL;
  }
  if ((flags & ~(VFIO_IRQ_SET_DATA_MASK | VFIO_IRQ_SET_ACTION_MASKS)) !== 0) return -EINVAL;
  // Not a slip of the simulation: Linux bounds start and count by the number of *indices*.
  if (start >= lines.length || start + count > lines.length) return -EINVAL;
  const size = elementSize(flags);
  if (size < 0) return size;
  if (argsz - VFIO_IRQ_SET_SIZE < count * size) return -EINVAL;
  if (!hasBytes(argument, VFIO_IRQ_SET_SIZE + count * size)) return -EFAULT;

  const action = flags & VFIO_IRQ_SET_ACTION_MASKS;
  if (
    action !== VFIO_IRQ_SET_ACTION_MASK &&
    action !== VFIO_IRQ_SET_ACTION_UNMASK &&
    action !== VFIO_IRQ_SET_ACTION_TRIGGER
  ) {
    return -ENOTTY;
  }
  const line = lines[index] as IrqLine;
  if (line.requestError !== 0) return line.requestError;
  const none = (flags & VFIO_IRQ_SET_DATA_NONE) !== 0;
  if (action === VFIO_IRQ_SET_ACTION_TRIGGER && count === 0 && none) {
    line.disarm();
    return 0;
  }
  if (start !== 0 || count !== 1) return -EINVAL;
  if ((flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0) {
    return setEventfd(line, action, getU32(bytes, VFIO_IRQ_SET_DATA) | 0, fds);
  }
  return act(line, action, none || bytes[VFIO_IRQ_SET_DATA] !== 0);
}

function act(line: IrqLine, action: number, doIt: boolean): number {
  if (action === VFIO_IRQ_SET_ACTION_TRIGGER) {
    if (doIt) line.loopBack();
    return 0;
  }
  if (!line.isLevel) return -EINVAL;
  if (!doIt) return 0;
  return action === VFIO_IRQ_SET_ACTION_MASK ? line.mask() : line.unmask();
}

function setEventfd(line: IrqLine, action: number, fd: number, fds: FdTable): number {
  if (action === VFIO_IRQ_SET_ACTION_TRIGGER) {
    // The old trigger goes first: a bad descriptor leaves the line disabled.
    line.disarm();
    if (fd < 0) return 0;
    const eventfd = eventfdOf(fd, fds);
    if (typeof eventfd === 'number') return eventfd;
    line.arm(eventfd);
    return 0;
  }
  if (!line.isLevel) return -EINVAL;
  const masks = action === VFIO_IRQ_SET_ACTION_MASK;
  if (fd < 0) {
    if (masks) line.clearMaskFd();
    else line.clearUnmaskFd();
    return 0;
  }
  const eventfd = eventfdOf(fd, fds);
  if (typeof eventfd === 'number') return eventfd;
  return masks ? line.setMaskFd(eventfd) : line.setUnmaskFd(eventfd);
}

/** eventfd_ctx_fdget. */
export function eventfdOf(fd: number, fds: FdTable): EventFd | number {
  const file = fds.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof EventFd ? file : -EINVAL;
}
