/**
 * Effects: what the core wants done after it has committed a new state. The
 * host applies them in order, so a machine that runs guest code inside "line
 * up" may call back into the core at any time. Each is a 32-bit word: either a
 * line effect, or one of the numbered ones with a line.
 *
 * The first effect of a call, mostly the only one, is in the word FIRST_EFFECT
 * of state/layout.ts (0: there is none). Where it has EFFECT_MORE set, others
 * follow in the ring. A host that takes the first effect leaves EFFECT_MORE
 * there until the ring is empty, so that new effects line up behind.
 *
 * signal(), completeLine(), safePoint(), write() and performed() return what
 * there is to do: 0 for nothing, EFFECT_MORE when effects wait in memory.
 * signalShort() and completeShort() return the one line effect there is, which
 * then does not wait in memory, or 0, with which they have done nothing; write()
 * may return what completeShort() does. Of a returned EFFECT_DOWN | EFFECT_UNMASK
 * only the first is the caller's: EFFECT_UNMASK waits, because the machine may
 * call back from inside "line down".
 */

/** In FIRST_EFFECT: the ring has more. Returned by a call: effects wait in memory. */
export const EFFECT_MORE = 0x40000000;

/** Low bits of every effect: the line (VFIO IRQ index), 0 where there is none. */
export const EFFECT_LINE_MASK = 0xffff;

// Line effects; set bits are applied in this order.
/** The virtual line goes down. */
export const EFFECT_DOWN = 0x10000;
/** SET_IRQS DATA_NONE | ACTION_UNMASK for the line; report a failure with unmaskResult(). */
export const EFFECT_UNMASK = 0x20000;
/** The virtual line goes up. */
export const EFFECT_UP = 0x40000;

/** Set in the numbered effects below. */
export const EFFECT_NUMBERED = 0x1000000;
export const EFFECT_NUMBER_MASK = 0xff0000;
/** The direct mapping goes on. */
export const EFFECT_MAPPING_ON = 0x1010000;
/** The direct mapping goes off. */
export const EFFECT_MAPPING_OFF = 0x1020000;
/** (Re)start the mmap timer with the configured time-out. */
export const EFFECT_TIMER_START = 0x1030000;
export const EFFECT_TIMER_STOP = 0x1040000;
/** Unmask again; report the result with unmaskResult() in every case. */
export const EFFECT_RETRY_UNMASK = 0x1050000;
/** The line stays masked: all unmask attempts failed. */
export const EFFECT_STUCK = 0x1060000;
/** The line has been ACTIVE for longer than the configured limit. */
export const EFFECT_STALLED = 0x1070000;
/** A guest access failed or was refused; in place of the line: the slot of the access report. */
export const EFFECT_ACCESS_REPORT = 0x1080000;
/** A trace event has been handed over; deliver it now. */
export const EFFECT_TRACE = 0x1090000;

/** performed(): the access was a write. */
export const PERFORMED_WRITE = 16;
