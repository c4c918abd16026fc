/**
 * Every limit of recordings, in one place. Writers keep them, readers refuse
 * what exceeds them before they allocate anything.
 */

/** Bytes of one chunk, as it is stored and after decompression. */
export const MAX_CHUNK_BYTES = 0x100000;
/**
 * Stored bytes of a chunk that are decompressed in one go, which is fast but
 * cannot be stopped: DEFLATE makes at most 1032 bytes of one.
 */
export const INFLATE_AT_ONCE_BYTES = 0x8000;
/** Stored bytes of a larger chunk that are decompressed before its length is looked at. */
export const INFLATE_SLICE_BYTES = 0x2000;
/** Bytes of events after which a writer ends a chunk, as soon as nothing is under way. */
export const CHUNK_TARGET_BYTES = 0x8000;
/** Bytes of events after which it ends the chunk even in the middle of a call. */
export const CHUNK_LIMIT_BYTES = 0x20000;
/** Events between two checkpoints, at least. */
export const CHECKPOINT_INTERVAL = 0x10000;
/** The same, at most: as good as never. */
export const MAX_CHECKPOINT_INTERVAL = 0x7fffffff;
/** Chunks of one trace. */
export const MAX_CHUNKS = 0x1000000;
/** Calls, imports and effects that may be under way inside each other. */
export const MAX_DEPTH = 256;
/** Registers that one chunk may define; accesses to others are written out in full. */
export const MAX_REGISTERS = 0x1000;
/** Bytes of one byte string or text inside an event. */
export const MAX_EVENT_BYTES = 0x10000;
/** Bytes of one piece of a DMA write; longer writes are several events. */
export const MAX_DMA_PIECE = 0x4000;
/** Bytes of the header and of the device description, which are JSON. */
export const MAX_JSON_BYTES = 0x40000;
/** Page size at which changed guest RAM is looked for (`dma: 'at-sync'`). */
export const SYNC_PAGE_BYTES = 0x1000;
/** Bytes of guest RAM that one device may have mapped while DMA is recorded at sync points. */
export const MAX_SYNC_BYTES = 0x40000000;
/** Events that a divergence report shows before the first difference. */
export const REPORTED_EVENTS = 12;
/** Bytes of one block of guest RAM that a core replay keeps, to do DMA writes in. */
export const MAX_REPLAYED_RAM = 0x10000000;
/** Blocks of guest RAM in a header. */
export const MAX_RAM_BLOCKS = 64;
/** Accesses, signals and DMA writes of a device that is made from a recording. */
export const MAX_DEVICE_STEPS = 0x400000;
/** Accesses that tolerant matching looks ahead for the one that the driver makes. */
export const TOLERANT_LOOKAHEAD = 64;
/** Latencies of a line that are kept for its percentiles; of more, these are a sample. */
export const LATENCY_SAMPLES = 0x10000;
/** Words of the core's state that a divergence report shows. */
export const REPORTED_STATE_WORDS = 16;
/** Events after which a machine that is walked through keeps its state. */
export const MACHINE_INTERVAL_EVENTS = 0x4000;
/** Guest time after which it does, in nanoseconds. */
export const MACHINE_INTERVAL_NS = 100_000_000;
/** States that a machine keeps; when there are as many, every other one goes. */
export const MAX_KEPT_STATES = 64;
