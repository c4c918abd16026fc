import { describe, expect, it } from 'vitest';
import { compare, interleave, median, row, sample, table } from '../../bench/rows.mjs';

describe('benchmark rows', () => {
  it('takes the median of odd and even counts, in numeric order', () => {
    expect(median([10, 9, 100])).toBe(10);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(() => median([])).toThrow('nothing');
    const values = [3, 1, 2];
    expect(sample(values)).toEqual({ median: 2, min: 1, max: 3 });
    expect(values).toEqual([3, 1, 2]);
  });

  it('compares medians with the goal: less is better', () => {
    const values = { name: 'eoi', unit: 'ns', ours: [5, 6, 90], baseline: [12, 11, 13] };
    const at = (goal: number) => row({ ...values, goal });
    expect(at(0.5)).toEqual({
      name: 'eoi',
      unit: 'ns',
      ours: { median: 6, min: 5, max: 90 },
      baseline: { median: 12, min: 11, max: 13 },
      ratio: 0.5,
      goal: 0.5,
      ok: true,
    });
    expect(at(0.49).ok).toBe(false);
    expect(row(values)).toMatchObject({ goal: null, ok: true });
  });

  it('compares those that were measured together, where it is told that they were', () => {
    // Two speeds: the medians are of different ones.
    const [ours, baseline] = [
      [5, 9, 9],
      [10, 10, 18],
    ];
    const values = { name: 'eoi', unit: 'ns', ours, baseline, goal: 0.6 };
    expect(row(values)).toMatchObject({ ratio: 0.9, ok: false });
    expect(row({ ...values, paired: true })).toMatchObject({
      ...{ ratio: 0.5, ok: true },
      ...{ ours: { median: 9 }, baseline: { median: 10 } },
    });
  });

  it('never reaches a goal with a ratio that is not a number', () => {
    const values = { name: 'empty', unit: 'ns', ours: [0], baseline: [0], goal: 1 };
    expect(row(values).ok).toBe(false);
  });

  it('runs the alternatives in turn and drops the warm-up', async () => {
    const order: string[] = [];
    let count = 0;
    const values = await interleave({
      ours: () => {
        order.push('ours');
        return ++count;
      },
      baseline: async () => {
        order.push('baseline');
        return 10 * count;
      },
      repetitions: 3,
      warmUp: 1,
    });
    expect(values).toEqual({ ours: [2, 3, 4], baseline: [20, 30, 40] });
    expect(order).toEqual(Array.from({ length: 4 }, () => ['ours', 'baseline']).flat());
    const made = await compare({ name: 'n', unit: 'ns', ours: () => 1, baseline: () => 4 });
    expect(made).toMatchObject({ ratio: 0.25, goal: null, ok: true });
  });

  it('prints a table that fits a terminal', () => {
    const big = { name: 'a name that is far too long for its column', unit: 'bytes' };
    const text = table([
      row({ name: 'signal + EOI', unit: 'ns', ours: [12.34], baseline: [24.68], goal: 0.4 }),
      row({ ...big, ours: [123456, 999999], baseline: [654321, 87654321] }),
    ]);
    const [head, first, second] = text.split('\n');
    expect(head).toMatch(/ours \(min\.\.max\) +baseline \(min\.\.max\) +ratio +goal$/);
    expect(first).toMatch(/^signal \+ EOI, ns .* 12\.3 \(12\.3\.\.12\.3\) .* 0\.50 +0\.40 +MISS$/);
    expect(second).toMatch(/ -$/);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });
});
