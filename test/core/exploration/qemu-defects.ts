import { LINE_ACTIVE, LINE_PENDING } from '../../../assembly/boundary/options';
import type { CoreRig } from './core-rig';
import type { Arrival } from './search';

/** A way in which QEMU's machine goes wrong, and the scenario of defects.md for it. */
export interface Defect {
  readonly id: string;
  readonly what: string;
  /** Digits fire a line, 'a' is an access, as in defects.md. */
  readonly scenario: string;
  readonly shows: (arrival: Arrival) => boolean;
}

function linesIn(rig: CoreRig, state: number): number[] {
  return rig.setup.lines.flatMap((_, line) => (rig.stateOf(line) === state ? [line] : []));
}

/** Lines that are PENDING, but will not be found by following the FIFO. */
export function orphans({ rig, judge }: Pick<Arrival, 'rig' | 'judge'>): number[] {
  const { fifo } = judge.look();
  return linesIn(rig, LINE_PENDING).filter((line) => !fifo.includes(line));
}

/** The mapping is on, so that nothing traps; nothing is ACTIVE or queued, but something waits. */
export function isDead(arrival: Pick<Arrival, 'rig' | 'judge'>): boolean {
  const { rig, judge } = arrival;
  return (
    rig.coreMapping !== 0 &&
    rig.coreTimer === 0 &&
    linesIn(rig, LINE_ACTIVE).length === 0 &&
    judge.look().fifo.length === 0 &&
    orphans(arrival).length > 0
  );
}

export const DEFECTS: readonly Defect[] = [
  {
    id: 'D02',
    what: 'two lines are ACTIVE',
    scenario: '0 1 1',
    shows: ({ rig }) => linesIn(rig, LINE_ACTIVE).length > 1,
  },
  {
    id: 'D03',
    what: 'an edge is injected twice',
    scenario: '0 1 1 a',
    shows: ({ rig }) => rig.fault.startsWith('I6'),
  },
  {
    id: 'D04',
    what: 'a line is queued behind itself',
    scenario: '0 1 2 2 a 2',
    shows: ({ rig, judge }) => judge.look().fifo.some((line) => rig.next(line) === line),
  },
  {
    id: 'D05',
    what: 'a PENDING line is not in the FIFO',
    scenario: '0 1 2 2 3 a 2',
    shows: (arrival) => orphans(arrival).length > 0,
  },
  {
    id: 'D06',
    what: 'the device is dead',
    scenario: '0 1 2 2 3 a 2 a a a timer',
    shows: isDead,
  },
  {
    id: 'D07',
    what: 'an edge is swallowed',
    scenario: '0 0',
    shows: ({ judge }) =>
      judge.look().lines.some(({ state, ledger }) => state === 'ACTIVE' && ledger?.owed !== 0),
  },
  {
    id: 'D09',
    what: 'the FIFO waits, but no line is ACTIVE',
    scenario: '0 1 2 2 3 a 2 a a a 0',
    shows: ({ rig, judge }) =>
      linesIn(rig, LINE_ACTIVE).length === 0 && judge.look().fifo.length > 0,
  },
];

/** The scenario as events of the exploration. */
export function eventsOf(scenario: string): string[] {
  return scenario
    .split(' ')
    .map((word) => (word === 'a' ? 'read' : word === 'timer' ? word : `fire ${word}`));
}

/** The other way round. */
export function scenarioOf(trace: readonly string[]): string {
  return trace.map((name) => (name === 'read' ? 'a' : name.replace('fire ', ''))).join(' ');
}
