/**
 * Every limit of the device core, in one place. Both AssemblyScript and
 * TypeScript. Reaching one is a named error, never silence.
 */

/** Interrupt lines (VFIO IRQ indices) of one device. */
export const MAX_LINES = 1024;
/** VFIO regions of one device. */
export const MAX_REGIONS = 64;
/** Mappable areas of one region (SPARSE_MMAP capability). */
export const MAX_AREAS_PER_REGION = 16;
/** EOI register rules of one device. */
export const MAX_EOI_RULES = 2048;
/** Effects that wait for the host; one call never produces more. */
export const MAX_EFFECTS = 8192;
/** Capabilities followed in one info structure before it counts as a loop. */
export const MAX_CAPABILITIES = 64;
/** Bytes of one info structure with its capabilities. */
export const MAX_INFO_BYTES = 8192;
/** Containers of one process that a group is tried with. */
export const MAX_CONTAINERS = 64;
/** Unmask attempts after which a line is reported as stuck (spec S7). */
export const MAX_UNMASK_ATTEMPTS = 16;
/** Safe points between two unmask attempts, at most. */
export const MAX_UNMASK_BACKOFF = 64;
/** Failed or refused guest accesses reported per second of machine time. */
export const MAX_ACCESS_REPORTS_PER_SECOND = 8;
/** Guest accesses that may be under way inside each other, through callbacks. */
export const MAX_NESTED_ACCESSES = 8;
/** Blocks of guest RAM that one device may have mapped. */
export const MAX_DMA_MAPPINGS = 64;
/** Ranges of I/O virtual addresses that are kept for checking; of more, none are. */
export const MAX_IOVA_RANGES = 32;
/** Times a DMA mapping or an info structure is asked for again. */
export const MAX_RETRIES = 4;
/**
 * Linear memory of one device in bytes: the state block and the windows. V8 begins
 * to collect garbage when 64 MiB outside its heap are reached, so not that many.
 */
export const DEFAULT_MEMORY_BYTES = 0x2000000;
/** The most that a device may be given, in bytes. */
export const MAX_MEMORY_BYTES = 0x40000000;
/** Windows start on, and are rounded up to, this many bytes. */
export const WINDOW_ALIGNMENT = 0x10000;
