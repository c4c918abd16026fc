import { describe, expect, it } from 'vitest';
import type { DeviceOptions } from '../../../host/options/options';
import { type GoldenTrace, loadGolden, playGolden } from '../../golden/player';
import { GoldenCore } from './core-machine';

/** That the golden tests can fail at all. */

const directed = loadGolden('qemu-7.2.22-directed.jsonl');

function named(start: string): GoldenTrace {
  const golden = directed.find(({ name }) => name?.startsWith(start));
  if (golden === undefined) throw new Error(`no directed trace is called '${start}'`);
  return golden;
}

async function play(golden: GoldenTrace, options: DeviceOptions = {}) {
  const machine = await GoldenCore.open(golden, 'machine', options);
  const mismatch = playGolden(golden, machine);
  machine.close();
  return mismatch;
}

/** The trace with one list of one step replaced. */
function altered(
  golden: GoldenTrace,
  step: number,
  list: 'trace' | 'irq' | 'sys',
  entries: readonly string[],
): GoldenTrace {
  const steps = golden.steps.map((each, at) => (at === step ? { ...each, [list]: entries } : each));
  return { ...golden, steps };
}

describe('a golden step that is not what QEMU did is noticed', () => {
  it.each(['trace', 'irq', 'sys'] as const)('an entry more or less in %s', async (list) => {
    let tried = 0;
    for (const golden of directed) {
      for (const [step, { [list]: entries }] of golden.steps.entries()) {
        // All of a kind: how often 'still-active' repeats is not compared.
        const fewer = entries.filter((entry) => entry !== entries[0]);
        for (const wrong of [[...entries, 'eoi 0'], ...(entries.length > 0 ? [fewer] : [])]) {
          expect(await play(altered(golden, step, list, wrong))).toMatchObject({ step });
          tried++;
        }
      }
    }
    expect(tried).toBeGreaterThan(100);
  });

  it('two entries in the wrong order', async () => {
    for (const list of ['trace', 'irq', 'sys'] as const) {
      const golden = directed.find(({ steps }) => steps.some((each) => each[list].length > 1));
      const step = golden?.steps.findIndex((each) => each[list].length > 1) ?? -1;
      const entries = golden?.steps[step]?.[list] ?? [];
      expect(
        golden && (await play(altered(golden, step, list, [...entries].reverse()))),
      ).toMatchObject({ step });
    }
  });
});

describe('a core that behaves otherwise is noticed', () => {
  it('policy strict does not have defect D02', async () => {
    expect(await play(named('D02'))).toBeUndefined();
    expect(await play(named('D02'), { policy: 'strict' })).toMatchObject({
      event: 'fire 1',
      expected: { trace: ['inject 1', 'mmaps 0'], irq: ['+1'] },
      actual: { trace: [], irq: [] },
    });
  });

  it.each(['D04', 'D05', 'D06', 'D07', 'failed write completes', 'splitting completes'])(
    'policy strict differs: %s',
    async (name) => {
      expect(await play(named(name), { policy: 'strict' })).toBeDefined();
    },
  );

  it('another time-out', async () => {
    expect(await play(named('timer with active'), { mmapTimeoutMs: 1000 })).toMatchObject({
      event: 'run',
    });
  });

  it('lines of the other kind', async () => {
    const golden = named('level storm');
    const machine = await GoldenCore.open({ ...golden, irqs: 'E' });
    expect(playGolden(golden, machine)).toBeDefined();
    machine.close();
  });
});
