import { MAX_LINES } from '../../assembly/limits';

/** Columns of the output where the terminal does not tell. */
export const DEFAULT_COLUMNS = 80;
/** Seconds that `unbind` waits for a device to be closed unless told. */
export const DEFAULT_UNBIND_TIMEOUT_S = 10;
/** Seconds that a driver may take to bind or unbind before that is given up. */
export const DRIVER_TIMEOUT_S = 30;
/** Milliseconds between two looks at who holds a device. */
export const HOLDER_POLL_MS = 200;
/** Registers that one `peek` reads at most. */
export const MAX_PEEK_COUNT = 65_536;
/** Seconds that an option may ask for at most: a day. */
export const MAX_TIMEOUT_S = 86_400;
/** Interrupts of which `irq` keeps the time; the others are only counted. */
export const MAX_IRQ_TIMES = 1_000;
/** Interrupts that `irq` can be told to wait for. */
export const MAX_IRQ_COUNT = 1_000_000_000;
/** Devices that `run` puts into one machine. */
export const MAX_RUN_DEVICES = 32;
/** Bytes of a guest image that `run` loads. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;
/** Processes whose descriptors are looked at; more than a Linux can have. */
export const MAX_PROCESSES = 4_194_304;
/** Seconds that `irq` waits unless told. */
export const DEFAULT_IRQ_TIMEOUT_S = 60;
/** Largest number of an interrupt line. */
export const MAX_LINE = MAX_LINES - 1;
/** Where `describe` places regions unless told. */
export const DEFAULT_GUEST_BASE = 0x1000_0000;
/** Bytes that each region then begins at a multiple of. */
export const PLACEMENT_ALIGNMENT = 0x1_0000;
/** Seconds of guest time that `run` runs unless told. */
export const DEFAULT_RUN_LIMIT_S = 10;
/** Bytes of serial output that `run --json` keeps, and --until looks at. */
export const MAX_SERIAL_BYTES = 1024 * 1024;
/** Milliseconds between two updates of a progress line. */
export const PROGRESS_MS = 200;
/** Events of a trace between two turns of the event loop. */
export const EVENTS_PER_TURN = 20_000;
/** Traces that one `replay` takes. */
export const MAX_REPLAY_TRACES = 32;
/** Parts of a text between two turns of the event loop. */
export const PARTS_PER_TURN = 2_000;
/** Tries of `minimize` unless told. */
export const MAX_MINIMIZE_TRIES = 10_000;
/** Bytes of a core that `minimize` loads. */
export const MAX_CORE_BYTES = 16 * 1024 * 1024;
/** Steps that a walk through a recording goes back. */
export const MAX_STEPS_BACK = 10_000;
