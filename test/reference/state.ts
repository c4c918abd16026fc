export type Trigger = 'edge' | 'level';
export type EoiSource = 'irqchip' | 'register' | 'write' | 'access';
export type LineState = 'INACTIVE' | 'PENDING' | 'ACTIVE';

export interface LineOptions {
  /** 'level' is VFIO's AUTOMASKED. */
  trigger: Trigger;
  eoi: EoiSource;
}

export interface ReferenceOptions {
  policy: 'strict' | 'qemu';
  lines: LineOptions[];
  edgeCount: 'coalesce' | 'replay';
  directMapping: boolean;
  /** 0 = never. */
  timeoutMs: number | 'on-idle';
  maxUnmaskAttempts?: number;
}

export type Output =
  | { kind: 'up' | 'down'; line: number }
  | { kind: 'unmask'; line: number }
  | { kind: 'mapping'; on: boolean }
  | { kind: 'timer'; ms: number | 'off' }
  | { kind: 'stuck'; line: number };

export interface Retry {
  /** Unmask attempts that failed in a row. */
  attempts: number;
  /** Safe points at which this line is served until the next attempt. */
  wait: number;
}

export interface ReferenceLine extends LineOptions {
  state: LineState;
  up: boolean;
  /** Injections owed after the one that is PENDING or ACTIVE. */
  again: number;
  /** Policy 'qemu': the next line in the FIFO, NONE for none. */
  link: number;
  armed: boolean;
  hostMasked: boolean;
  retry: Retry | null;
  stuck: boolean;
  /** What the kernel will answer to the next unmasks. */
  unmaskFails: boolean;
  /** What waits in the eventfd while the machine is paused. */
  queued: number;
  coalesced: number;
  spurious: number;
  unexpected: number;
}

/** Plain data only, so that a model is copied by copying this. */
export interface ReferenceState {
  readonly options: ReferenceOptions;
  lines: ReferenceLine[];
  /** Policy 'strict'. */
  fifo: number[];
  /** Policy 'qemu'. */
  head: number;
  tail: number;
  mappingOn: boolean;
  timerArmed: boolean;
  paused: boolean;
  /** The line whose retry was served last. */
  lastServed: number;
}

export const NONE = -1;

export function newState(options: ReferenceOptions): ReferenceState {
  if (options.policy === 'qemu' && options.timeoutMs === 'on-idle') {
    throw new Error("QEMU has no 'on-idle' timeout");
  }
  return {
    options,
    lines: options.lines.map(({ trigger, eoi }) => ({
      trigger,
      eoi,
      state: 'INACTIVE',
      up: false,
      again: 0,
      link: NONE,
      armed: true,
      hostMasked: false,
      retry: null,
      stuck: false,
      unmaskFails: false,
      queued: 0,
      coalesced: 0,
      spurious: 0,
      unexpected: 0,
    })),
    fifo: [],
    head: NONE,
    tail: NONE,
    mappingOn: true,
    timerArmed: false,
    paused: false,
    lastServed: NONE,
  };
}

export function lineAt(state: ReferenceState, line: number): ReferenceLine {
  const found = state.lines[line];
  if (found === undefined) {
    throw new RangeError(`no line ${line}`);
  }
  return found;
}

/** QEMU knows one EOI rule, so there every line is serialised (S6). */
export function isSerialised(state: ReferenceState, line: number): boolean {
  const { eoi } = lineAt(state, line);
  return state.options.policy === 'qemu' || eoi === 'write' || eoi === 'access';
}

export function anyOutstanding(state: ReferenceState): boolean {
  return state.lines.some(
    ({ state: now }, line) => isSerialised(state, line) && now !== 'INACTIVE',
  );
}
