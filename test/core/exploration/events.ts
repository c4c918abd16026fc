import { LINE_ACTIVE, LINE_RETRYING, LINE_STUCK } from '../../../assembly/boundary/options';
import { NO_LINE } from '../../../assembly/state/layout';
import type { EoiSource } from '../../reference/model';
import type { CoreRig } from './core-rig';
import { PLAIN_REGISTER, READ_REGISTERS, type Setup } from './setup';

/** What can happen to a device, once for each line where `line` says so. */
export type EventKind =
  | 'fire'
  | 'high'
  | 'low'
  | 'serve'
  | 'safe point'
  | 'early safe point'
  | 'read'
  | 'write'
  | 'failed read'
  | 'failed write'
  | 'clear'
  | 'clear all'
  | 'read-clear'
  | 'eoi'
  | 'timer'
  | 'break'
  | 'mend'
  | 'mask'
  | 'unmask'
  | 'reset'
  | 'spurious';

export interface Event {
  readonly kind: EventKind;
  /** -1 where it concerns no single line. */
  readonly line: number;
  readonly name: string;
}

/** What the machine does from inside "line up", or the device model while it is accessed. */
export const NESTED_KINDS = [
  'read',
  'write',
  'clear all',
  'eoi',
  'eoi all',
  'safe point',
  'reset',
] as const;
export type NestedKind = (typeof NESTED_KINDS)[number];

/** Edges that one line may have waiting or remembered, so that the state space ends. */
const MOST_EDGES = 2;

/** The lines with each EOI source, a bit each. */
export type SourceSets = Readonly<Record<EoiSource, number>>;

export function sourceSets({ lines }: Setup): SourceSets {
  const sets = { irqchip: 0, register: 0, write: 0, access: 0 };
  lines.forEach(({ eoi }, line) => {
    sets[eoi] |= 1 << line;
  });
  return sets;
}

export function event(kind: EventKind, line = -1): Event {
  return { kind, line, name: line < 0 ? kind : `${kind} ${line}` };
}

/** The events of a strict device, those that bring it to rest first and in that order. */
export function strictEvents({ lines, thorough }: Setup): Event[] {
  const each = (
    kind: EventKind,
    wanted: (line: Setup['lines'][number]) => boolean = () => true,
  ): Event[] => lines.flatMap((line, index) => (wanted(line) ? [event(kind, index)] : []));
  const isLevel = ({ trigger }: Setup['lines'][number]) => trigger === 'level';
  const isRuled = ({ eoi }: Setup['lines'][number]) => eoi === 'register';
  const anyLevel = lines.some(isLevel);
  const anyRuled = lines.some(isRuled);
  return [
    ...(anyLevel ? [event('mend')] : []),
    ...each('low', isLevel),
    ...each('unmask', isLevel),
    event('safe point'),
    ...each('eoi', ({ eoi }) => thorough || eoi === 'irqchip'),
    ...each('clear', isRuled),
    event('write'),
    event('timer'),
    event('read'),
    event('failed read'),
    event('failed write'),
    ...(anyRuled ? [event('clear all')] : []),
    ...each('serve'),
    ...each('fire', ({ trigger }) => trigger === 'edge'),
    ...each('high', isLevel),
    ...each('mask', isLevel),
    ...(anyLevel ? [event('break'), event('early safe point')] : []),
    event('reset'),
    ...(thorough ? [...each('read-clear', isRuled), ...each('spurious')] : []),
  ];
}

/** Under QEMU every signal is handled at once, as defects.md counts events. */
export function qemuEvents({ lines }: Setup): Event[] {
  return [
    ...lines.flatMap(({ trigger }, line) =>
      trigger === 'edge'
        ? [event('fire', line)]
        : [event('high', line), event('low', line), event('serve', line)],
    ),
    event('read'),
    event('timer'),
  ];
}

/** Which calls back are worth making where. */
export function nestedKinds({ lines, thorough }: Setup): NestedKind[] {
  const has = (source: string) => lines.some(({ eoi }) => eoi === source);
  return [
    ...(thorough || has('access') ? (['read'] as const) : []),
    ...(thorough || has('write') ? (['write'] as const) : []),
    ...(has('register') ? (['clear all'] as const) : []),
    ...(has('irqchip') ? (['eoi', 'eoi all'] as const) : []),
    ...(thorough ? (['safe point', 'reset'] as const) : []),
  ];
}

function anyRetrying(rig: CoreRig): boolean {
  for (let line = 0; line < rig.count; line++) {
    if ((rig.flagsOf(line) & LINE_RETRYING) !== 0) return true;
  }
  return false;
}

function anyWaiting(rig: CoreRig): boolean {
  for (let line = 0; line < rig.count; line++) {
    if (rig.kernel.waiting[line] !== 0) return true;
  }
  return false;
}

/** Whether the event can happen now and may change anything. */
export function isPossible(rig: CoreRig, { kind, line }: Event): boolean {
  const { kernel } = rig;
  const waiting = kernel.waiting[line] ?? 0;
  switch (kind) {
    case 'fire':
      if (rig.setup.policy === 'qemu') return true;
      if (rig.setup.edgeCount === 'coalesce') return waiting < MOST_EDGES;
      return waiting + (rig.owed[line] as number) < MOST_EDGES;
    case 'high':
      return kernel.high[line] === 0;
    case 'low':
      return kernel.high[line] !== 0;
    case 'serve':
      return waiting > 0;
    case 'safe point':
      return rig.setup.thorough || anyWaiting(rig) || anyRetrying(rig);
    case 'early safe point':
      return anyWaiting(rig) && anyRetrying(rig);
    case 'timer':
      return rig.timer !== 0;
    case 'break':
      return kernel.failing === 0;
    case 'mend':
      return kernel.failing !== 0;
    case 'mask':
      return kernel.requested[line] === 0;
    case 'unmask':
      return (
        rig.setup.thorough ||
        kernel.requested[line] !== 0 ||
        (rig.flagsOf(line) & (LINE_RETRYING | LINE_STUCK)) !== 0
      );
    default:
      return true;
  }
}

export function happen(rig: CoreRig, { kind, line }: Event): void {
  const { kernel } = rig;
  switch (kind) {
    case 'fire':
      kernel.fire(line);
      if (rig.setup.policy === 'qemu') rig.serve(line);
      break;
    case 'high':
      kernel.raise(line);
      if (rig.setup.policy === 'qemu' && kernel.waiting[line] !== 0) rig.serve(line);
      break;
    case 'low':
      kernel.high[line] = 0;
      break;
    case 'serve':
    case 'spurious':
      if (kind === 'serve' || kernel.waiting[line] === 0) rig.serve(line);
      break;
    case 'safe point':
      rig.safePoint();
      break;
    case 'early safe point':
      rig.earlySafePoint();
      break;
    case 'read':
      rig.read(PLAIN_REGISTER, 4);
      break;
    case 'write':
      rig.write(PLAIN_REGISTER, 4, 0);
      break;
    case 'failed read':
      rig.failToRead();
      break;
    case 'failed write':
      rig.failToWrite();
      break;
    case 'clear':
      rig.clear(line);
      break;
    case 'clear all':
      rig.clearAll();
      break;
    case 'read-clear':
      rig.read(READ_REGISTERS + 4 * line, 4);
      break;
    case 'eoi':
      rig.complete(line);
      break;
    case 'timer':
      rig.fireTimer();
      break;
    case 'break':
      kernel.failing = 1;
      break;
    case 'mend':
      kernel.failing = 0;
      break;
    case 'mask':
      rig.mask(line);
      break;
    case 'unmask':
      rig.unmask(line);
      break;
    case 'reset':
      rig.reset();
      break;
  }
}

/**
 * The lines that an event completes (S7), a bit each, and no others, when it
 * happens while the lines of `active` are ACTIVE. Holds under policy strict
 * and without calls back.
 */
export function completedBy(event: Event, active: number, sets: SourceSets): number {
  const only = event.line < 0 ? 0 : 1 << event.line;
  switch (event.kind) {
    case 'read':
      return active & sets.access;
    case 'write':
      return active & (sets.access | sets.write);
    case 'read-clear':
      return active & ((sets.register & only) | sets.access);
    case 'clear':
      return active & ((sets.register & only) | sets.access | sets.write);
    case 'clear all':
      return active & (sets.register | sets.access | sets.write);
    case 'eoi':
      return active & sets.irqchip & only;
    case 'reset':
      return active;
    default:
      return 0;
  }
}

/** A call back from inside "line up" of `line`. */
export function callBack(rig: CoreRig, kind: NestedKind, line: number): void {
  switch (kind) {
    case 'read':
      rig.read(PLAIN_REGISTER, 4);
      break;
    case 'write':
      rig.write(PLAIN_REGISTER, 4, 0);
      break;
    case 'clear all':
      rig.clearAll();
      break;
    case 'eoi':
      rig.complete(line);
      break;
    case 'eoi all':
      for (let each = 0; each < rig.count; each++) rig.complete(each);
      break;
    case 'safe point':
      rig.safePoint();
      break;
    case 'reset':
      rig.reset();
      break;
  }
}

/**
 * Whether the event is a step towards rest: levels drop, unmasking works
 * again, the guest handles what is active. Nobody helps a stuck line except
 * when nothing else is left to do.
 */
export function calms(rig: CoreRig, { kind, line }: Event, last: boolean): boolean {
  const { kernel } = rig;
  switch (kind) {
    case 'mend':
      return kernel.failing !== 0;
    case 'low':
      return kernel.high[line] !== 0;
    case 'unmask':
      return kernel.requested[line] !== 0 || (last && (rig.flagsOf(line) & LINE_STUCK) !== 0);
    case 'safe point':
      return anyWaiting(rig) || anyRetrying(rig);
    case 'eoi':
      return rig.stateOf(line) === LINE_ACTIVE && rig.setup.lines[line]?.eoi === 'irqchip';
    case 'clear':
      return rig.stateOf(line) === LINE_ACTIVE;
    case 'write':
      return rig.serialActive !== NO_LINE;
    case 'timer':
      return rig.timer !== 0;
    default:
      return false;
  }
}
