/**
 * Keys and values of configure(), and other small enumerations that core and
 * host share.
 */

/** POLICY_STRICT or POLICY_QEMU. */
export const OPTION_POLICY = 0;
/** 1: no region is mapped (x-no-mmap). */
export const OPTION_NO_MMAP = 1;
/** Milliseconds, TIMEOUT_NEVER or TIMEOUT_ON_IDLE. */
export const OPTION_MMAP_TIMEOUT = 2;
/** EDGE_COALESCE or EDGE_REPLAY. */
export const OPTION_EDGE_COUNT = 3;
/** 1 … MAX_UNMASK_ATTEMPTS. */
export const OPTION_UNMASK_ATTEMPTS = 4;
/** Bit w set: accesses of w bytes may reach the device (bits 1, 2, 4, 8). */
export const OPTION_ACCESS_WIDTHS = 5;
/** 1: the machine really maps the device into its guest. */
export const OPTION_DIRECT_MAPPING = 6;
/** EOI_IRQCHIP, EOI_WRITE or EOI_ACCESS: for lines without a rule or a source of their own. */
export const OPTION_DEFAULT_EOI = 7;
/** 1: trace events are produced. */
export const OPTION_TRACE = 8;
/** Milliseconds after which an ACTIVE line is reported as stalled, 0: never. */
export const OPTION_STALL_LIMIT = 9;
/** First byte of linear memory that windows may use, a multiple of WINDOW_ALIGNMENT. */
export const OPTION_WINDOW_START = 10;
/** First byte behind the windows. */
export const OPTION_WINDOW_END = 11;
export const OPTION_COUNT = 12;

export const POLICY_STRICT = 0;
export const POLICY_QEMU = 1;

/** The direct mapping never comes back after the first interrupt (QEMU's 0). */
export const TIMEOUT_NEVER = 0;
/** The direct mapping comes back as soon as nothing is outstanding. */
export const TIMEOUT_ON_IDLE = -1;

export const EDGE_COALESCE = 0;
export const EDGE_REPLAY = 1;

// EOI sources, most precise first (spec S7)
export const EOI_IRQCHIP = 1;
export const EOI_REGISTER = 2;
export const EOI_WRITE = 3;
export const EOI_ACCESS = 4;

// How attach() finds the device
export const BACKEND_GROUP = 1;
export const BACKEND_NOIOMMU = 2;
export const BACKEND_CDEV = 3;

// Phases of the device's life
export const PHASE_NEW = 0;
export const PHASE_ATTACHED = 1;
export const PHASE_OPEN = 2;
export const PHASE_CLOSED = 3;

// Line states
export const LINE_INACTIVE = 0;
export const LINE_PENDING = 1;
export const LINE_ACTIVE = 2;

// Line flags
/** The kernel masks the line when it signals (level lines). */
export const LINE_AUTOMASKED = 1;
/** EOI source 1 or 2: the line is handled independently of all others. */
export const LINE_INDEPENDENT = 2;
/** The virtual line has been told to go up. */
export const LINE_UP = 4;
/** The line is masked because the host asked for it. */
export const LINE_MASK_REQUESTED = 8;
/** An unmask failed and is tried again. */
export const LINE_RETRYING = 16;
/** All unmask attempts failed. */
export const LINE_STUCK = 32;
/** Armed for the user-side machine. */
export const LINE_ARMED = 64;

// How a line is armed
export const ARM_NONE = 0;
export const ARM_USER = 1;
export const ARM_IRQFD = 2;

// addRule(): direction of the access
export const RULE_READ = 1;
export const RULE_WRITE = 2;
/** The masked bits must equal the value; without it, any of them set will do. */
export const RULE_EXACT = 4;
