/**
 * What the exports of the core return, and what the failure record holds.
 */

export const STATUS_OK = 0;
/** A step failed: the failure record has step, errno and detail. */
export const STATUS_FAILED = -1;
/** The device is closed. */
export const STATUS_CLOSED = -2;
/** A control call came from inside another control call. */
export const STATUS_REENTRANT = -3;
/** The call does not fit the phase of the device's life. */
export const STATUS_WRONG_PHASE = -4;
/** No such line. */
export const STATUS_NO_LINE = -5;
/** No such region. */
export const STATUS_NO_REGION = -6;
/** A limit of limits.ts is reached. */
export const STATUS_FULL = -7;
/** An argument is out of its range. */
export const STATUS_INVALID = -8;
/** armIrqfd(): the kernel irqchip refused, the line is served by the user-side machine. */
export const STATUS_FELL_BACK = 1;

// Steps, for the failure record. `detail` is a line, region or type where noted.
export const STEP_OPEN_GROUP = 1;
export const STEP_GROUP_STATUS = 2;
export const STEP_GROUP_VIABLE = 3;
export const STEP_OPEN_CONTAINER = 4;
/** detail: the version that the kernel has */
export const STEP_API_VERSION = 5;
/** detail: the IOMMU type */
export const STEP_IOMMU_TYPE = 6;
export const STEP_SET_CONTAINER = 7;
/** detail: the IOMMU type */
export const STEP_SET_IOMMU = 8;
export const STEP_IOMMU_INFO = 9;
export const STEP_GET_DEVICE = 10;
export const STEP_OPEN_CDEV = 11;
export const STEP_OPEN_IOMMUFD = 12;
export const STEP_BIND_IOMMUFD = 13;
export const STEP_IOAS_ALLOC = 14;
export const STEP_ATTACH_IOAS = 15;
export const STEP_IOVA_RANGES = 16;
export const STEP_DEVICE_INFO = 17;
/** detail: the device flags */
export const STEP_NOT_PLATFORM = 18;
/** detail: the number of regions */
export const STEP_TOO_MANY_REGIONS = 19;
/** detail: the number of lines */
export const STEP_TOO_MANY_LINES = 20;
/** detail: the region */
export const STEP_REGION_INFO = 21;
/** detail: the region */
export const STEP_REGION_CAPS = 22;
/** detail: the line */
export const STEP_IRQ_INFO = 23;
/** detail: the line */
export const STEP_LINE_UNUSABLE = 24;
/** detail: the line */
export const STEP_EVENTFD = 25;
/** detail: the line */
export const STEP_WATCH = 26;
/** detail: the line */
export const STEP_SET_TRIGGER = 27;
/** detail: the line */
export const STEP_SET_RESAMPLE = 28;
/** detail: the line */
export const STEP_MASK = 29;
/** detail: the line */
export const STEP_UNMASK = 30;
export const STEP_OPEN_KVM = 31;
/** detail: the line */
export const STEP_KVM_IRQFD = 32;
export const STEP_DEVICE_RESET = 33;
export const STEP_DMA_UNSUPPORTED = 34;
export const STEP_DMA_UNALIGNED = 35;
/** detail: KiB of locked memory that the device would need */
export const STEP_DMA_MAP = 36;
export const STEP_DMA_UNMAP = 37;
export const STEP_DMA_FULL = 38;
/** the I/O virtual addresses are not among those that the IOMMU maps */
export const STEP_DMA_RANGE = 39;
/** detail: the line */
export const STEP_DISARM = 40;
/** detail: the offset of the capability */
export const STEP_IOMMU_CAPS = 41;

// Why a guest access did not succeed, for the access report.
export const ACCESS_NO_REGION = 1;
export const ACCESS_BAD_WIDTH = 2;
export const ACCESS_OUT_OF_BOUNDS = 3;
export const ACCESS_NOT_READABLE = 4;
export const ACCESS_NOT_WRITABLE = 5;
/** More accesses inside accesses (through callbacks) than MAX_NESTED_ACCESSES. */
export const ACCESS_NESTED_TOO_DEEP = 6;
/** pread or pwrite failed; errno is in the report. */
export const ACCESS_FAILED = 7;
/** pread or pwrite transferred fewer bytes than asked. */
export const ACCESS_SHORT = 8;
