import type * as linux from '../assembly/abi/linux';

/** Every way in which this package fails, one code per failing step. */
export const errorCodes = [
  // Options and lookup
  'OPTION_UNKNOWN',
  'OPTION_INVALID',
  'DEVICE_NAME_INVALID',
  'DEVICE_NOT_FOUND',
  'NO_IOMMU_GROUP',
  'NOIOMMU_NOT_ALLOWED',
  'NO_CDEV',
  'ALREADY_ATTACHED',
  'CORE_MISMATCH',
  // Attaching
  'OPEN_GROUP',
  'GROUP_STATUS',
  'GROUP_NOT_VIABLE',
  'OPEN_CONTAINER',
  'API_VERSION',
  'IOMMU_TYPE',
  'SET_CONTAINER',
  'SET_IOMMU',
  'IOMMU_INFO',
  'GET_DEVICE',
  'OPEN_CDEV',
  'OPEN_IOMMUFD',
  'BIND_IOMMUFD',
  'IOAS_ALLOC',
  'ATTACH_IOAS',
  'IOVA_RANGES',
  // Discovery
  'DEVICE_INFO',
  'NOT_PLATFORM_DEVICE',
  'TOO_MANY_REGIONS',
  'TOO_MANY_LINES',
  'REGION_INFO',
  'REGION_CAPABILITIES',
  'IRQ_INFO',
  // Lines
  'NO_SUCH_LINE',
  'LINE_UNUSABLE',
  'LINE_NOT_MASKABLE',
  'EVENTFD',
  'WATCH',
  'SET_TRIGGER',
  'SET_RESAMPLE',
  'MASK',
  'UNMASK',
  'DISARM',
  'OPEN_KVM',
  'KVM_IRQFD',
  'RULE_INVALID',
  'RULES_FULL',
  // The rest of the device's life
  'NO_SUCH_REGION',
  'DEVICE_RESET',
  'DMA_UNSUPPORTED',
  'DMA_UNALIGNED',
  'DMA_MAP',
  'DMA_UNMAP',
  'DMA_FULL',
  'DMA_RANGE',
  'EFFECTS_LOST',
  'SNAPSHOT_INVALID',
  'SNAPSHOT_MISMATCH',
  'DESCRIPTION_INVALID',
  'CLOSED',
  'REENTRANT',
  'WRONG_PHASE',
  'MACHINE',
  'HOST_FAILED',
  // The native host
  'NATIVE_UNAVAILABLE',
  'KVM_UNAVAILABLE',
  'REFUSED',
  // Recording and replay
  'TRACE_INVALID',
  'TRACE_UNSUPPORTED',
  'TRACE_CORRUPT',
  'TRACE_SINK',
  'TRACE_MISMATCH',
  'TRACE_DIVERGED',
  'TRACE_NOT_DETERMINISTIC',
  'TRACE_ENDED',
  'DMA_NOT_RECORDABLE',
] as const;

export type VfioErrorCode = (typeof errorCodes)[number];

type ErrnoName = {
  [K in keyof typeof linux]: K extends `E${string}_${string}` ? never : K & `E${string}`;
}[keyof typeof linux];

/**
 * The errnos that the package knows, for messages. The compiler checks them: to import them
 * would have those who load the package load a file more.
 */
const errnos: { readonly [K in ErrnoName]: (typeof linux)[K] } = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
};

/** The symbolic name of an errno, or its number where this package does not know it. */
export function errnoName(errno: number): string {
  return Object.entries(errnos).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

export interface VfioErrorDetails {
  /** The kernel's errno, positive. */
  readonly errno?: number | undefined;
  /** The system call or ioctl that failed. */
  readonly syscall?: string | undefined;
  /** The name of the device. */
  readonly device?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class of this package. The message names the device, the step
 * and the remedy; `code` is what programs look at.
 */
export class VfioError extends Error {
  override readonly name = 'VfioError';
  readonly errno: number | undefined;
  readonly syscall: string | undefined;
  readonly device: string | undefined;

  constructor(
    readonly code: VfioErrorCode,
    message: string,
    details: VfioErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.errno = details.errno;
    this.syscall = details.syscall;
    this.device = details.device;
  }
}
