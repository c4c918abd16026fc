/**
 * Trace events of the core (spec S12), with the meaning of their arguments.
 * The host turns them into QEMU's names and formats.
 */

/** Signal handled, line made ACTIVE: line, trigger handle. */
export const TRACE_INJECT = 1;
/** Line made PENDING: line. */
export const TRACE_PENDING = 2;
/** Pending line made ACTIVE: line, trigger handle. */
export const TRACE_INJECT_PENDING = 3;
/** Line completed: line, trigger handle. */
export const TRACE_EOI = 4;
/** Timer fired while a line is outstanding: line. */
export const TRACE_STILL_ACTIVE = 5;
/** Direct mapping switched (printed also when nothing changes): 0 or 1. */
export const TRACE_MMAPS = 6;
/** IRQ index found: line, count, flags. */
export const TRACE_IRQ_INFO = 7;
/** irqfd set up for a level line: line, trigger handle, resample handle. */
export const TRACE_LEVEL_IRQFD = 8;
/** irqfd set up for an edge line: line, trigger handle. */
export const TRACE_EDGE_IRQFD = 9;
/** Region read: region, offset, value. */
export const TRACE_REGION_READ = 10;
/** Region written: region, offset, value. */
export const TRACE_REGION_WRITE = 11;
/** Area mapped: region, offset in the region, bytes. */
export const TRACE_REGION_MMAP = 12;
/** Area that could not be mapped ("mmap unsupported, performance may be slow"): region, errno. */
export const TRACE_REGION_MMAP_FAILED = 13;
