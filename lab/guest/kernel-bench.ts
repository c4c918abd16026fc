import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENOSYS } from '../../assembly/abi/linux';
import type { Kernel } from '../../host/boundary/kernel';
import { FileSysfs } from '../../host/native/index';
import type { Bench } from '../scenarios/scenario';
import { askBoard } from './ports';

/** Within this an interrupt or a work item of the kernel has certainly arrived. */
const SETTLE_MS = 4;

/** lab/raw/raw.cc */
type Raw = Pick<Kernel, 'open' | 'close' | 'eventfd' | 'read' | 'write' | 'pread' | 'pwrite'> & {
  ioctl(fd: number, request: number, argument: number | Uint8Array): number;
  addressOf(bytes: Uint8Array): bigint;
  ownPages(length: number): Uint8Array;
};

const raw: Raw = createRequire(import.meta.url)('/lab/raw.node');

/** The kernel that this runs on, with nothing in between. */
function rawKernel(): Kernel {
  return {
    ...raw,
    ioctl: (fd, request, { bytes, length, value }) =>
      raw.ioctl(fd, request, length === 0 ? value : bytes),
    addressOf: (ram) => raw.addressOf(ram.bytes),
    mmap: () => -ENOSYS,
    watch: () => -ENOSYS,
    unwatch: () => -ENOSYS,
    adopt: () => -ENOSYS,
    deviceNumber: () => -ENOSYS,
    resources: () => ({ fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 }),
  };
}

/** The lab's board with the kernel that this runs on. */
export function kernelBench(): Bench {
  return {
    kernel: rawKernel(),
    sysfs: new FileSysfs(),
    pass: (milliseconds) => sleep(milliseconds),
    settle: () => sleep(SETTLE_MS),
    memory: (bytes) => ({ bytes: raw.ownPages(bytes) }),
    setPin: (pin, high) => {
      askBoard({ do: 'pin', pin, high });
    },
  };
}
