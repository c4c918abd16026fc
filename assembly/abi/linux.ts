/**
 * Generic Linux numbers (asm-generic/errno*.h, fcntl.h, mman.h, eventfd.h) as
 * x86-64 and arm64 have them. Both AssemblyScript and TypeScript, like vfio.ts.
 */

export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const EMFILE = 24;
export const ENOTTY = 25;
export const ENOSPC = 28;
export const ERANGE = 34;
export const ENOSYS = 38;
export const EOVERFLOW = 75;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;

export const O_RDWR = 2;
export const O_CLOEXEC = 0x80000;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;

export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;
/** An eventfd read or write transfers one 64-bit counter. */
export const EVENTFD_COUNTER_SIZE = 8;

/** The kernel facts assume 4 KiB pages where no page size is reported. */
export const PAGE_SIZE = 4096;
