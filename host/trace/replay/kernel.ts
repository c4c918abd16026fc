import { ENOSYS } from '../../../assembly/abi/linux';
import type { GuestRam } from '../../boundary/guest-ram';
import type { Kernel, Sysfs } from '../../boundary/kernel';
import type { ReplaySession } from './session';

const refuse = () => -ENOSYS;

/** A kernel for replays: the traces answer before anything gets here. */
export function noKernel(sessions: readonly ReplaySession[]): Kernel {
  const listeners = new Map<GuestRam, (offset: number, length: number) => void>();
  for (const session of sessions) {
    session.onDma = (ram, offset, length) => listeners.get(ram)?.(offset, length);
  }
  return {
    open: refuse,
    close: refuse,
    ioctl: refuse,
    eventfd: refuse,
    read: refuse,
    write: refuse,
    pread: refuse,
    pwrite: refuse,
    mmap: refuse,
    watch: refuse,
    unwatch: refuse,
    addressOf: () => 0n,
    // DMA writes are in the trace, so recording a replay sees them all.
    ...(sessions.every(({ trace }) => trace.header.dma === 'exact') && {
      watchDma(ram: GuestRam, listener: (offset: number, length: number) => void) {
        listeners.set(ram, listener);
        return () => listeners.delete(ram);
      },
    }),
    resources: () => ({ fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 }),
  };
}

/** A sysfs in which there is nothing: the trace says where the device is. */
export const noSysfs: Sysfs = {
  exists: () => false,
  readLink: () => undefined,
  realPath: () => undefined,
  readText: () => undefined,
  list: () => [],
};
