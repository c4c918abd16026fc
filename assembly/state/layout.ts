import {
  MAX_ACCESS_REPORTS_PER_SECOND,
  MAX_AREAS_PER_REGION,
  MAX_DMA_MAPPINGS,
  MAX_EFFECTS,
  MAX_EOI_RULES,
  MAX_INFO_BYTES,
  MAX_IOVA_RANGES,
  MAX_LINES,
  MAX_NESTED_ACCESSES,
  MAX_REGIONS,
} from '../limits';

/**
 * The core's whole state: one block of linear memory at fixed addresses. Both
 * AssemblyScript and TypeScript; records.ts checks the record sizes and the
 * field offsets below at compile time.
 *
 * The part from MACHINE to the end of LINES is what the interrupt machine
 * remembers: snapshots and the state exploration take exactly that. Windows
 * for mapped regions lie behind the block and are never read as state.
 */

export const STATE_START = 0x1000;

/** Options set by configure(); one 32-bit word per key of boundary/options.ts. */
export const CONFIG = STATE_START;
export const CONFIG_SIZE = 0x100;

/** DeviceRecord: what the kernel told, and the handles it gave. */
export const DEVICE = CONFIG + CONFIG_SIZE;
export const DEVICE_SIZE = 0x100;

/** VolatileRecord: positions and reports that are not part of the machine's state. */
export const VOLATILE = DEVICE + DEVICE_SIZE;
export const VOLATILE_SIZE = 0x100;

/** MachineRecord. */
export const MACHINE = VOLATILE + VOLATILE_SIZE;
export const MACHINE_SIZE = 0x100;
/** Sets of lines: a summary word, padding to 64 bytes, then one bit a line. */
export const LINE_SET_WORDS = 64;
export const LINE_SET_SIZE = LINE_SET_WORDS + MAX_LINES / 8;
export const ACTIVE_SET = MACHINE + MACHINE_SIZE;
export const RETRY_SET = ACTIVE_SET + LINE_SET_SIZE;
/** LineRecord per line. */
export const LINES = RETRY_SET + LINE_SET_SIZE;
export const LINE_STRIDE = 32;
export const LINES_SIZE = MAX_LINES * LINE_STRIDE;

/** DeviceStatistics. */
export const DEVICE_STATISTICS = LINES + LINES_SIZE;
export const DEVICE_STATISTICS_SIZE = 0x100;
/** LineStatistics per line. */
export const LINE_STATISTICS = DEVICE_STATISTICS + DEVICE_STATISTICS_SIZE;
export const LINE_STATISTICS_STRIDE = 32;

/** LineTiming per line: activation time and the list of independent ACTIVE lines. */
export const LINE_TIMING = LINE_STATISTICS + MAX_LINES * LINE_STATISTICS_STRIDE;
export const LINE_TIMING_STRIDE = 32;

/** LineBinding per line: what the kernel told, and the eventfds. */
export const LINE_BINDINGS = LINE_TIMING + MAX_LINES * LINE_TIMING_STRIDE;
export const LINE_BINDING_STRIDE = 32;

/** RegionRecord per region. */
export const REGIONS = LINE_BINDINGS + MAX_LINES * LINE_BINDING_STRIDE;
export const REGION_STRIDE = 64;
/** AreaRecord, MAX_AREAS_PER_REGION per region. */
export const AREAS = REGIONS + MAX_REGIONS * REGION_STRIDE;
export const AREA_STRIDE = 16;

/** RuleRecord per EOI register rule, and the hash table that finds them. */
export const RULES = AREAS + MAX_REGIONS * MAX_AREAS_PER_REGION * AREA_STRIDE;
export const RULE_STRIDE = 32;
export const RULE_BUCKETS = RULES + MAX_EOI_RULES * RULE_STRIDE;
export const RULE_BUCKET_COUNT = 4096;

/** DmaRecord per mapping of guest RAM. */
export const DMA_MAPPINGS = RULE_BUCKETS + RULE_BUCKET_COUNT * 4;
export const DMA_STRIDE = 32;

/** I/O virtual address ranges that the IOMMU allows: first and last, 64 bits each. */
export const IOVA_RANGES = DMA_MAPPINGS + MAX_DMA_MAPPINGS * DMA_STRIDE;
export const IOVA_RANGE_STRIDE = 16;

/**
 * The doorbell, written by the host, also from another thread: a summary word,
 * one bit a line (from DOORBELL_WORDS), one 32-bit signal count a line. To
 * ring: add to the count, set the line's bit, then set the word's bit in the
 * summary.
 */
export const DOORBELL = IOVA_RANGES + MAX_IOVA_RANGES * IOVA_RANGE_STRIDE;
export const DOORBELL_WORDS = DOORBELL + 64;
export const DOORBELL_COUNTS = DOORBELL_WORDS + MAX_LINES / 8;

/** The effects ring: MAX_EFFECTS words. */
export const EFFECTS = DOORBELL_COUNTS + MAX_LINES * 4;

/** AccessReport per report of the current second; the effect names the slot. */
export const ACCESS_REPORTS = EFFECTS + MAX_EFFECTS * 4;
export const ACCESS_REPORT_STRIDE = 32;

/** Room for one kernel structure with its capabilities. */
export const SCRATCH = ACCESS_REPORTS + MAX_ACCESS_REPORTS_PER_SECOND * ACCESS_REPORT_STRIDE;
export const SCRATCH_SIZE = MAX_INFO_BYTES;
/** Eight bytes for the data of each nested access through pread or pwrite. */
export const ACCESS_BUFFERS = SCRATCH + SCRATCH_SIZE;

export const STATE_END = ACCESS_BUFFERS + 8 * MAX_NESTED_ACCESSES;

/**
 * Fields of RegionRecord (of the first region; REGION_STRIDE to the next) for
 * accesses that the host performs. Where the core would only pass a guest
 * access on to its import `load`, the host may perform it without asking: one
 * of 1, 2 or 4 bytes, aligned, below HOST_READ_END, of the window that begins
 * at SHORT_POINTER. What it does afterwards NEXT_READ_EOI tells. The same for
 * writes.
 */
export const SHORT_POINTER = REGIONS + 40;
export const HOST_READ_END = REGIONS + 44;
export const HOST_WRITE_END = REGIONS + 48;

export const READS = DEVICE_STATISTICS;
export const WRITES = DEVICE_STATISTICS + 4;

// Fields of VolatileRecord that the host reads or writes on its hot path
export const EFFECT_HEAD = VOLATILE;
export const EFFECT_TAIL = VOLATILE + 4;
/** High word of the result of an 8-byte read. */
export const VALUE_HIGH = VOLATILE + 8;
/** The first effect that waits; see boundary/effects.ts. */
export const FIRST_EFFECT = VOLATILE + 12;

/** Reports that the rate limit kept back. */
export const REPORTS_SUPPRESSED = VOLATILE + 36;
/**
 * What a read that begins now will complete, and a write: EOI_NONE, or the
 * activation of the ACTIVE serialised line with EOI_SHORT or EOI_ASK set. The
 * host takes the word before it performs the access. Afterwards it calls
 * completeShort() with a word that has EOI_SHORT set. Where that leaves it to
 * others, and otherwise, it calls performed() with the word; but if that was
 * EOI_NONE and still is, it adds 1 to READS or WRITES instead, and applies what
 * waits (FIRST_EFFECT).
 */
export const NEXT_READ_EOI = VOLATILE + 88;
export const NEXT_WRITE_EOI = VOLATILE + 92;
export const EOI_NONE = 0;
/** The access completes that line and does no more. */
export const EOI_SHORT = 1;
/** There may be more to it. */
export const EOI_ASK = 2;
/** From one activation to the next, whose low bits are for the two above. */
export const EOI_STEP = 4;
/** The host's `load` or `store` sets it to 1 when it fails; who asked for the access sets it back. */
export const WINDOW_FAILED = VOLATILE + 96;
/** Effects that found the ring full. */
export const EFFECTS_LOST = VOLATILE + 40;
/** A double: when the ACTIVE serialised line was seen ACTIVE first, in milliseconds. */
export const SERIAL_SINCE_MS = VOLATILE + 56;

/** Lines are numbered in 16 bits inside effects; this is no line. */
export const NO_LINE = 0xffff;
/** No handle. */
export const NO_HANDLE = -1;
