import { describe, expect, it } from 'vitest';
import { ConformanceError, conformanceChecks } from '../../host/machines/conformance';
import { defects } from './broken-machines';
import { rp2040Subject, v86Subject } from './conformance-subjects';

describe.each([
  ['rp2040js', rp2040Subject()],
  ['v86 with its PIC', v86Subject('test-bus-pc')],
  ['v86 with its IOAPIC', v86Subject('test-bus-ioapic')],
])('the conformance suite on %s', (_, subject) => {
  for (const { name, run } of conformanceChecks(subject)) it(name, run);
});

describe('the conformance suite notices that', () => {
  it.each(defects)('%s', async (_, wrap, noticedBy) => {
    const failed: string[] = [];
    const checks = conformanceChecks(rp2040Subject(wrap));
    for (const { name, run } of checks.filter(({ name }) => name.includes(noticedBy))) {
      await run().catch(() => failed.push(name));
    }
    expect(failed).not.toEqual([]);
  });

  it('a machine answers late, by a ConformanceError that names what did not come', async () => {
    const check = conformanceChecks(
      rp2040Subject(defects.find(([name]) => name === 'lines never go up')?.[1]),
    ).find(({ name }) => name.startsWith('a level interrupts'));
    await expect(check?.run()).rejects.toThrow(
      new ConformanceError('interrupt 3 of a level did not come about'),
    );
  });
});

it('leaves out what a machine does not have', () => {
  const { levelInput, edgeInput, ramAddress, ...least } = rp2040Subject();
  const names = conformanceChecks(least).map(({ name }) => name);
  expect([levelInput, edgeInput, ramAddress]).not.toContain(undefined);
  expect(names.filter((name) => /level|edge|RAM|interrupts/.test(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(8);
});
