import { describe, expect, it } from 'vitest';
import { type GoldenTrace, loadGolden, playGolden, titleOf } from '../golden/player';
import { explore, type Feature, leftOver } from './explore';
import { GoldenReference } from './golden-adapter';
import { checkInvariants } from './invariants';
import { mix } from './mix';
import type { ReferenceOptions } from './model';
import { ReferenceRig } from './rig';

const DEFAULTS: Omit<ReferenceOptions, 'lines'> = {
  policy: 'strict',
  edgeCount: 'coalesce',
  directMapping: false,
  timeoutMs: 100,
  maxUnmaskAttempts: 3,
};

describe('golden traces', () => {
  const directed = loadGolden('qemu-7.2.22-directed.jsonl');
  const random = loadGolden('qemu-7.2.22.jsonl');

  it('are all there', () => {
    expect(directed).toHaveLength(16);
    expect(random).toHaveLength(160);
    expect(random.flatMap(({ steps }) => steps)).toHaveLength(1829);
  });

  const reproduces = (golden: GoldenTrace): void =>
    expect(playGolden(golden, new GoldenReference(golden))).toBeUndefined();

  it.each(directed.map((golden) => ({ title: titleOf(golden), golden })))(
    'the model does what QEMU did: $title',
    ({ golden }) => reproduces(golden),
  );
  it('the model does what QEMU did in every random sequence', () => random.forEach(reproduces));

  it('show a difference when there is one', () => {
    const golden = loadGolden('qemu-7.2.22-directed.jsonl')[0] as GoldenTrace;
    const wrong = new GoldenReference({ ...golden, irqs: 'LL' });
    wrong.run = () => ({ trace: [], irq: [], sys: [] });
    const steps = [{ event: 'fire 1', trace: ['inject 0', 'mmaps 0'], irq: ['+0'], sys: [] }];
    expect(playGolden({ ...golden, steps }, wrong)).toMatchObject({ step: 0, event: 'fire 1' });
  });
});

describe('every state of a small strict device keeps I1 to I8 and can get idle', () => {
  const mapped = { directMapping: true };
  const mixes: [lines: string, options: Partial<ReferenceOptions>, features: Feature[]][] = [
    ['Ea', mapped, ['pause', 'reset']],
    ['La', mapped, ['request', 'unmask-failure', 'pause', 'reset', 'loop-back']],
    ['Ea Ea', {}, ['reset']],
    ['Ea Ea', mapped, ['pause', 'reset']],
    ['Ea Ea', { ...mapped, timeoutMs: 0 }, []],
    ['Ea Ea Ea', mapped, []],
    ['Ew Ea', { edgeCount: 'replay' }, ['pause']],
    ['Ea Ea', { ...mapped, edgeCount: 'replay' }, ['reset']],
    ['La La', mapped, ['request']],
    ['La La', {}, ['request', 'unmask-failure', 'reset']],
    ['La Lw', {}, ['unmask-failure']],
    ['La La La', mapped, []],
    ['Ea La', { ...mapped, timeoutMs: 'on-idle' }, ['pause', 'reset']],
    ['Ea La', mapped, ['loop-back']],
    ['Ew Lw', mapped, ['request', 'reset']],
    ['Ei Li', {}, ['request', 'pause', 'reset']],
    ['Ei Lr', { edgeCount: 'replay' }, ['request']],
    ['Er Lr', {}, ['loop-back', 'unmask-failure']],
    ['Ei La', mapped, ['unmask-failure']],
    ['Ea Lr Ei', {}, []],
    ['La Ew Er', {}, []],
  ];
  it.each(mixes)('%s %o %o', (lines, options, features) => {
    const all = { ...DEFAULTS, ...options, lines: mix(lines) };
    const { states, broken } = explore(all, features, (rig) => [
      ...checkInvariants(rig.snapshot()),
      ...leftOver(rig).map((text) => ({ id: 'never idle', text })),
    ]);
    expect(broken).toBeUndefined();
    expect(states).toBeGreaterThan(3);
  });
});

describe('every state of a small device under QEMU', () => {
  const qemu = { ...DEFAULTS, policy: 'qemu', directMapping: true } as const;

  it.each(['La', 'La La', 'La La La'])('level lines alone break nothing: %s', (lines) => {
    expect(explore({ ...qemu, lines: mix(lines) }, []).broken).toBeUndefined();
  });

  it('two edges on one line are enough to lose one', () => {
    const { broken } = explore({ ...qemu, lines: mix('Ea') }, []);
    expect(broken?.violations.map(({ id }) => id)).toEqual(['I5']);
  });

  it('D18: an unmask that fails leaves the line masked', () => {
    const { broken } = explore({ ...qemu, lines: mix('La') }, ['unmask-failure']);
    expect(broken?.violations.map(({ id }) => id)).toEqual(['I8']);
  });
});

describe('the defects of QEMU (defects.md) and what strict makes of them', () => {
  /** Digits fire a line, which is then served; `a` = one access, `timer` = the timer fires. */
  const play = (rig: ReferenceRig, events: string): Set<string> => {
    const broken = new Set<string>();
    for (const event of events.split(' ')) {
      if (event === 'a') {
        rig.access();
      } else if (event === 'timer') {
        rig.timer();
      } else {
        rig.fire(Number(event));
        rig.serveAll();
      }
      for (const { id } of checkInvariants(rig.snapshot())) {
        broken.add(id);
      }
    }
    return broken;
  };
  const rigWith = (policy: 'strict' | 'qemu'): ReferenceRig =>
    new ReferenceRig({
      ...DEFAULTS,
      policy,
      directMapping: true,
      lines: mix('Ea Ea Ea Ea'),
    });
  const scenarios: [id: string, events: string, breaks: string[]][] = [
    ['D02 a PENDING line fires again', '0 1 1', ['I1', 'I2']],
    ['D03 one edge, two injections', '0 1 1 a', ['I1', 'I2', 'I6']],
    ['D04 queued twice', '0 1 2 2 a 2 a a', ['I1', 'I2', 'I6']],
    ['D05 cut off the queue', '0 1 2 2 3 a 2', ['I1', 'I2', 'I5']],
    ['D06 the device is dead', '0 1 2 2 3 a 2 a a a timer', ['I1', 'I2', 'I4', 'I5']],
    ['D07 an ACTIVE line fires again', '0 0', ['I5']],
  ];
  it.each(scenarios)('%s', (_, events, breaks) => {
    expect([...play(rigWith('qemu'), events)]).toEqual(expect.arrayContaining(breaks));
    const strict = rigWith('strict');
    expect([...play(strict, events)]).toEqual([]);
    expect(leftOver(strict)).toEqual([]);
  });

  it('D06 nothing revives it under QEMU', () => {
    const dead = rigWith('qemu');
    play(dead, '0 1 2 2 3 a 2 a a a timer');
    expect(dead.model).toMatchObject({ mappingOn: true, fifo: [] });
    expect(dead.model.stateOf(3)).toBe('PENDING');
    dead.fire(0);
    expect(dead.serveAll()).toEqual([]);
    expect(leftOver(dead)).toContain('line 3 is PENDING');
  });

  it('D09 an access with nothing ACTIVE injects all the same', () => {
    const rig = rigWith('qemu');
    expect(play(rig, '0 1 2 2 3 a 2 a a a 0')).toContain('I3');
    expect(rig.model.highestActive).toBe(-1);
    expect(rig.access()).toEqual([{ kind: 'up', line: 0 }]);
  });

  it('D04 the tail queued after itself shows as a loop', () => {
    const rig = rigWith('qemu');
    play(rig, '0 1 2 2 a 2');
    expect(rig.model.fifo).toEqual([2, 2]);
  });

  it('D37 a spurious wake-up injects under QEMU only', () => {
    const qemu = rigWith('qemu');
    qemu.serve(0);
    expect(checkInvariants(qemu.snapshot()).map(({ id }) => id)).toEqual(['I6']);
    const strict = rigWith('strict');
    expect(strict.serve(0)).toEqual([]);
    expect(strict.model.spurious()).toBe(1);
  });

  it('D12 an access in four chunks completes four lines under QEMU, one under strict', () => {
    for (const [policy, left] of [
      ['qemu', 0],
      ['strict', 3],
    ] as const) {
      const rig = rigWith(policy);
      play(rig, '0 1 2 3');
      rig.access({ chunks: 4 });
      const outstanding = rig.snapshot().lines.filter(({ state }) => state !== 'INACTIVE');
      expect(outstanding).toHaveLength(left);
    }
  });
});
