/**
 * The events of a trace. One table says what each is called and carries; the
 * encoder, the decoder, the tools and docs/trace-format.md follow it.
 */

/**
 * - call: into the device, by its machine or its host
 * - import: of the core, to its host
 * - effect: what the core wanted done
 * - stimulus: comes from outside, at a time of its own
 * - mark: about the trace itself
 */
export type OpKind = 'call' | 'import' | 'effect' | 'stimulus' | 'mark';

/** u: unsigned, below 2^53; i: signed, 32 bits; f: double. */
export type FieldType = 'u' | 'i' | 'f';

export interface Field {
  readonly name: string;
  readonly type: FieldType;
}

export interface OpShape {
  readonly op: number;
  readonly name: string;
  readonly kind: OpKind;
  readonly args: readonly Field[];
  /** Bytes that go in, after the arguments. */
  readonly input: 'bytes' | 'text' | undefined;
  readonly results: readonly Field[];
  /** Bytes that come out, after the results. */
  readonly output: boolean;
  /** Begins with the time that went by since the last timed event. */
  readonly timed: boolean;
  /** Others can happen inside it: it has an end. */
  readonly frame: boolean;
}

// Structure
export const OP_END = 1;
export const OP_THROWN = 2;
export const OP_TIME = 3;
export const OP_REGISTER = 4;
// Stimuli
export const OP_RING = 5;
export const OP_DMA_WRITE = 6;
export const OP_SYNC = 7;
// Calls
export const OP_OPEN = 8;
export const OP_READ = 9;
export const OP_WRITE = 10;
export const OP_READ64 = 11;
export const OP_WRITE64 = 12;
export const OP_SAFE_POINT = 13;
export const OP_SIGNAL = 14;
export const OP_COMPLETE_LINE = 15;
export const OP_CONNECT_LINE = 16;
export const OP_DISCONNECT_LINE = 17;
export const OP_MASK_LINE = 18;
export const OP_UNMASK_LINE = 19;
export const OP_SET_EOI = 20;
export const OP_ADD_RULE = 21;
export const OP_RESET = 22;
export const OP_PAUSE = 23;
export const OP_RESUME = 24;
export const OP_SNAPSHOT = 25;
export const OP_RESTORE = 26;
export const OP_MAP_RAM = 27;
export const OP_UNMAP_RAM = 28;
export const OP_CLOSE = 29;
export const OP_TIMER = 30;
export const OP_DIRECT_READ = 31;
export const OP_DIRECT_WRITE = 32;
// Imports
export const OP_HOST_OPEN = 34;
export const OP_HOST_CLOSE = 35;
export const OP_IOCTL = 36;
export const OP_EVENTFD = 37;
export const OP_HOST_READ = 38;
export const OP_PREAD = 39;
export const OP_PWRITE = 40;
export const OP_MMAP = 41;
export const OP_MUNMAP = 42;
export const OP_LOAD = 43;
export const OP_STORE = 44;
export const OP_WATCH = 45;
export const OP_UNWATCH = 46;
export const OP_TRACE = 47;
export const OP_GUEST_RAM = 48;
export const OP_RELEASE_RAM = 49;
// Effects
export const OP_LINE_UP = 50;
export const OP_LINE_DOWN = 51;
export const OP_UNMASK = 52;
export const OP_MAPPING = 53;
export const OP_TIMER_SET = 54;
export const OP_TIMER_CANCEL = 55;
export const OP_EVENT = 56;
/** Operations have six bits. */
export const OP_COUNT = 64;

/** In an event's first byte: only the beginning; OP_END or OP_THROWN follows later. */
export const BEGIN_BIT = 0x40;
/** In an event's first byte: an access in short form; its register is in the low six bits. */
export const ACCESS_BIT = 0x80;
/** Of an access in short form: it is a write. */
export const ACCESS_WRITE_BIT = 0x40;
/** Of an access in short form: the register's number follows. */
export const REGISTER_FOLLOWS = 0x3f;

interface Extras {
  readonly input?: 'bytes' | 'text';
  readonly results?: string;
  readonly output?: boolean;
}

const shapes: (OpShape | undefined)[] = new Array(OP_COUNT).fill(undefined);

/** 'line:u count:u' as fields. */
function fields(text: string): readonly Field[] {
  return text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', type = 'u'] = part.split(':');
      return { name, type: type as FieldType };
    });
}

function define(op: number, kind: OpKind, name: string, args = '', extras: Extras = {}): void {
  shapes[op] = {
    op,
    name,
    kind,
    args: fields(args),
    input: extras.input,
    results: fields(extras.results ?? ''),
    output: extras.output === true,
    timed: kind === 'call' || kind === 'stimulus',
    frame: kind === 'call' || kind === 'import' || kind === 'effect',
  };
}

define(OP_END, 'mark', 'end');
define(OP_THROWN, 'mark', 'thrown', '', { input: 'text' });
define(OP_TIME, 'mark', 'time', 'ns:f');
define(OP_REGISTER, 'mark', 'register', 'region offset width window windowOffset');

define(OP_RING, 'stimulus', 'ring', 'line count');
define(OP_DMA_WRITE, 'stimulus', 'dmaWrite', 'ram offset', { input: 'bytes' });
define(OP_SYNC, 'stimulus', 'sync', '', { input: 'text' });

define(OP_OPEN, 'call', 'openDevice');
define(OP_READ, 'call', 'read', 'region offset width', { results: 'value' });
define(OP_WRITE, 'call', 'write', 'region offset width value');
define(OP_READ64, 'call', 'read64', 'region offset', { results: 'low high' });
define(OP_WRITE64, 'call', 'write64', 'region offset low high');
define(OP_SAFE_POINT, 'call', 'safePoint');
define(OP_SIGNAL, 'call', 'signal', 'line count');
define(OP_COMPLETE_LINE, 'call', 'completeLine', 'line');
define(OP_CONNECT_LINE, 'call', 'connectLine', 'line gsiPlusOne');
define(OP_DISCONNECT_LINE, 'call', 'disconnectLine', 'line');
define(OP_MASK_LINE, 'call', 'maskLine', 'line');
define(OP_UNMASK_LINE, 'call', 'unmaskLine', 'line');
define(OP_SET_EOI, 'call', 'setEoiSource', 'line', { input: 'text' });
define(OP_ADD_RULE, 'call', 'addEoiRule', '', { input: 'text' });
define(OP_RESET, 'call', 'reset');
define(OP_PAUSE, 'call', 'pause');
define(OP_RESUME, 'call', 'resume');
define(OP_SNAPSHOT, 'call', 'snapshot', '', { results: 'crc' });
define(OP_RESTORE, 'call', 'restore', '', { input: 'bytes' });
define(OP_MAP_RAM, 'call', 'mapGuestRam', 'size iovaLow iovaHigh writable');
define(OP_UNMAP_RAM, 'call', 'unmapGuestRam', 'iovaLow iovaHigh', { results: 'found' });
define(OP_CLOSE, 'call', 'close');
define(OP_TIMER, 'call', 'timer');
define(OP_DIRECT_READ, 'call', 'directRead', 'region offset width', { results: 'value' });
define(OP_DIRECT_WRITE, 'call', 'directWrite', 'region offset width value');

const RESULT = { results: 'result:i' };
define(OP_HOST_OPEN, 'import', 'open', 'node index', RESULT);
define(OP_HOST_CLOSE, 'import', 'close', 'handle:i', RESULT);
define(OP_IOCTL, 'import', 'ioctl', 'handle:i request value', {
  ...RESULT,
  input: 'bytes',
  output: true,
});
define(OP_EVENTFD, 'import', 'eventfd', 'initial flags', RESULT);
define(OP_HOST_READ, 'import', 'read', 'handle:i length', { ...RESULT, output: true });
define(OP_PREAD, 'import', 'pread', 'handle:i length offsetLow offsetHigh', {
  ...RESULT,
  output: true,
});
define(OP_PWRITE, 'import', 'pwrite', 'handle:i offsetLow offsetHigh', {
  ...RESULT,
  input: 'bytes',
});
define(OP_MMAP, 'import', 'mmap', 'window length protection handle:i offsetLow offsetHigh', RESULT);
define(OP_MUNMAP, 'import', 'munmap', 'window length', RESULT);
define(OP_LOAD, 'import', 'load', 'window offset width', { results: 'value' });
define(OP_STORE, 'import', 'store', 'window offset width value');
define(OP_WATCH, 'import', 'watch', 'handle:i line', RESULT);
define(OP_UNWATCH, 'import', 'unwatch', 'handle:i', RESULT);
define(OP_TRACE, 'import', 'trace', 'event a b c');
define(OP_GUEST_RAM, 'import', 'guestRam', 'size', { results: 'ram pageOffset' });
define(OP_RELEASE_RAM, 'import', 'releaseGuestRam', 'ram');

define(OP_LINE_UP, 'effect', 'lineUp', 'line');
define(OP_LINE_DOWN, 'effect', 'lineDown', 'line');
define(OP_UNMASK, 'effect', 'unmask', 'line', RESULT);
define(OP_MAPPING, 'effect', 'directMapping', 'on');
define(OP_TIMER_SET, 'effect', 'timerSet', 'delayNs:f');
define(OP_TIMER_CANCEL, 'effect', 'timerCancel');
define(OP_EVENT, 'effect', 'event', '', { input: 'text' });

/** The shape of an operation; undefined when this version of the format has none. */
export function opShape(op: number): OpShape | undefined {
  return shapes[op];
}

/** All operations, by number. */
export const ops: readonly OpShape[] = shapes.filter((shape) => shape !== undefined);

const ACCESSES: ReadonlySet<number> = new Set([
  OP_READ,
  OP_WRITE,
  OP_READ64,
  OP_WRITE64,
  OP_DIRECT_READ,
  OP_DIRECT_WRITE,
]);

/** Whether the call is a guest access, which the access ordinal counts. */
export function isAccess(op: number): boolean {
  return ACCESSES.has(op);
}
