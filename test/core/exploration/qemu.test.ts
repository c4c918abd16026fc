import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coreVariant } from '../../support/core';
import { exploreQemu, exploreStrict, play, qemuSetup } from './explore';
import { Judge } from './judge';
import { edgeLevelMixes, withSource } from './mixes';
import { DEFECTS, eventsOf, isDead, orphans, scenarioOf } from './qemu-defects';
import { Report } from './report';

/** Four edge lines are enough for all of them. */
const LINES = 'Ea Ea Ea Ea';
const report = new Report();
const shortest = new Map<string, readonly string[]>();

describe("policy 'qemu': the search finds the defects of defects.md", () => {
  beforeAll(() => {
    report.run('access, qemu', 'EEEE', () =>
      exploreQemu(LINES, (arrival) => {
        for (const { id, shows } of DEFECTS) {
          if (!shortest.has(id) && shows(arrival)) shortest.set(id, arrival.trace());
        }
      }),
    );
  });

  it.each(DEFECTS)('$id $what: $scenario', ({ id, scenario, shows }) => {
    const expected = eventsOf(scenario);
    expect(shortest.get(id)?.length).toBeLessThanOrEqual(expected.length);
    for (const trace of [shortest.get(id) ?? [], expected]) {
      const rig = play(qemuSetup(LINES), trace);
      const arrival = { rig, judge: new Judge(rig), isNew: true, isNewToJudge: true };
      expect(shows({ ...arrival, trace: () => [...trace] })).toBe(true);
    }
  });

  it('the shortest ways are as long as defects.md says', () => {
    for (const { id, scenario } of DEFECTS) {
      expect([id, shortest.get(id)?.length]).toEqual([id, eventsOf(scenario).length]);
    }
  });

  it('D06 nothing revives a dead device but the lost line itself', () => {
    const rig = play(qemuSetup(LINES), shortest.get('D06') ?? []);
    const judge = new Judge(rig);
    const [lost] = orphans({ rig, judge });
    for (let line = 0; line < rig.count; line++) {
      if (rig.stateOf(line) === 0) rig.kernel.fire(line);
    }
    rig.begin();
    rig.safePoint();
    for (let access = 0; access < 10; access++) rig.read(0, 4);
    rig.fireTimer();
    expect([rig.ups, [...rig.up]]).toEqual([0, [0, 0, 0, 0]]);
    expect(orphans({ rig, judge })).toContain(lost);
  });

  it('is dead only under this policy', () => {
    for (const { scenario } of DEFECTS) {
      const setup = { ...qemuSetup(LINES), policy: 'strict', mapped: false } as const;
      const served = eventsOf(scenario).flatMap((name) =>
        name.startsWith('fire') ? [name, name.replace('fire', 'serve')] : [name],
      );
      const rig = play(setup, served);
      const judge = new Judge(rig);
      expect(judge.violations()).toEqual([]);
      expect(isDead({ rig, judge })).toBe(false);
    }
  });
});

describe("policy 'qemu': level lines alone break nothing", () => {
  const counts = coreVariant === 'coverage' ? [1, 2] : [1, 2, 3, 4];
  it.each(counts)('%i lines', (count) => {
    const lines = withSource('L'.repeat(count), 'a');
    const found: string[] = [];
    report.run('access, qemu', 'L'.repeat(count), () =>
      exploreQemu(lines, ({ rig, judge, isNew }) => {
        if (rig.fault !== '') found.push(rig.fault);
        if (isNew) found.push(...judge.violations());
      }),
    );
    expect(found).toEqual([]);
  });
});

describe("policy 'qemu': every edge line breaks something, under 'strict' it does not", () => {
  it.each([1, 2, 3].flatMap(edgeLevelMixes).filter((mix) => mix.includes('E')))('%s', (mix) => {
    const lines = withSource(mix, 'a');
    let broken = false;
    report.run('access, qemu', mix, () =>
      exploreQemu(lines, ({ judge, isNewToJudge }) => {
        broken ||= isNewToJudge && judge.violations().length > 0;
      }),
    );
    expect(broken).toBe(true);
    if (mix.length < 3) expect(exploreStrict(lines).finding).toBeUndefined();
  });
});

afterAll(() => {
  console.log(report.mixes('states/trans.', { qemu: 'access, qemu' }));
  const rows = DEFECTS.map(({ id, what, scenario }) => {
    const trace = shortest.get(id) ?? [];
    const steps = `${String(trace.length).padStart(3)} (${eventsOf(scenario).length})`;
    return `${id} ${what.padEnd(38)} ${steps.padEnd(8)} ${scenarioOf(trace)}`;
  });
  console.log(['shortest ways found, events (defects.md):', ...rows].join('\n'));
});
