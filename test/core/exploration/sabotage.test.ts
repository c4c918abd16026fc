import { describe, expect, it } from 'vitest';
import { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP } from '../../../assembly/boundary/effects';
import { LINE_ACTIVE, LINE_PENDING } from '../../../assembly/boundary/options';
import * as layout from '../../../assembly/state/layout';
import type { CoreMemory } from '../../../host/core/core-memory';
import { mix } from '../../reference/mix';
import type { Sabotage } from './core-rig';
import { CoreRig } from './core-rig';
import { exploreStrict, STRICT } from './explore';
import { recordWords, wordOf } from './record-words';

function find(lines: string, sabotage: Sabotage) {
  return exploreStrict(lines, {}, { sabotage }).finding;
}

/** Breaks a word of the machine record as soon as a line is in `state`. */
function tamperWith(field: string, value: number, state: number): Sabotage {
  const word = wordOf('MachineRecord', field, layout.MACHINE);
  const lineState = wordOf('LineRecord', 'state', layout.LINES);
  return {
    tamper: ({ words }: CoreMemory) => {
      for (let line = 0; line < 2; line++) {
        if (words[lineState + (line * layout.LINE_STRIDE) / 4] === state) words[word] = value;
      }
    },
  };
}

describe('the search notices', () => {
  it.each<[lost: string, lines: string, sabotage: Sabotage, what: string, events: number]>([
    ["'down'", 'Ea', { lose: EFFECT_DOWN }, 'I7 line 0 is INACTIVE but its virtual line is up', 2],
    ["'up'", 'Ea', { lose: EFFECT_UP }, 'I7 line 0 is ACTIVE but its virtual line is down', 2],
    ["'unmask'", 'Li', { lose: EFFECT_UNMASK }, 'I8 line 0 is masked in the host', 2],
    // The core goes on waiting for the result, which no state at rest does.
    ['a retry', 'La', { ignoreRetries: true }, 'a value is out of all bounds', 3],
  ])('that %s is lost: %s', (_, lines, sabotage, what, events) => {
    const finding = find(lines, sabotage);
    expect(finding?.what).toContain(what);
    expect(finding?.trace).toHaveLength(events);
  });

  it.each<[field: string, sabotage: Sabotage, what: string]>([
    [
      'fifoHead',
      tamperWith('fifoHead', layout.NO_LINE, LINE_PENDING),
      'is PENDING but not in the FIFO',
    ],
    ['mappingOn', tamperWith('mappingOn', 1, LINE_ACTIVE), 'another mapping'],
    ['timerRunning', tamperWith('timerRunning', 0, LINE_ACTIVE), 'another timer'],
    [
      'serialActive',
      tamperWith('serialActive', layout.NO_LINE, LINE_PENDING),
      'completes the lines {} instead of {1}',
    ],
    ['paused', tamperWith('paused', 1, LINE_ACTIVE), 'is not part of the key'],
  ])('that somebody changes %s', (_, sabotage, what) => {
    expect(find('Ea Ea', sabotage)?.what).toContain(what);
  });

  it('that a call leaves effects behind', () => {
    const tamper = ({ words }: CoreMemory) => {
      words[layout.FIRST_EFFECT >>> 2] = EFFECT_DOWN;
    };
    expect(find('Ea', { tamper })?.what).toBe('effects wait');
  });
});

describe('the records of the core, as the exploration reads them', () => {
  it('have the fields that the core writes', () => {
    const rig = new CoreRig({ ...STRICT, lines: mix('Ea Ei') });
    expect(recordWords('LineRecord').size).toBe(layout.LINE_STRIDE / 4);
    for (const line of [0, 1]) {
      rig.kernel.fire(line);
      rig.serve(line);
    }
    expect([rig.stateOf(0), rig.serialActive]).toEqual([LINE_ACTIVE, 0]);
    const newest = wordOf('VolatileRecord', 'newestIndependent', layout.VOLATILE);
    expect(rig.memory.words[newest]).toBe(1);
  });
});
