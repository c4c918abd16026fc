import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Summary } from '../../lab/board/report.mjs';
import type { Report } from '../../lab/protocol';

let printed = '';

beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Test = Extract<Report, { type: 'test' }>;

/** What the lab says of these results of a file 'unbind'. */
function summaryOf(...results: readonly Partial<Test>[]) {
  const summary = new Summary();
  const defaults = { type: 'test', nesting: 0, suite: false, ms: 1, passed: true } as const;
  const reports: readonly Report[] = [
    { type: 'file', name: 'unbind' },
    ...results.map((result) => ({ ...defaults, name: 'a test', ...result })),
    { type: 'end' },
  ];
  const machine = summary.machine();
  for (const report of reports) machine.take(report);
  const ok = summary.finish();
  const { passed, failed, skipped } = summary;
  return { ok, passed, failed, skipped };
}

const inner = { name: 'inner', nesting: 1 };

it('counts a suite whose hook failed although its tests passed', () => {
  const hook = { passed: false, error: 'Error: after boom', failureType: 'hookFailed' };
  const suite = { name: 'a suite', suite: true, ...hook };
  expect(summaryOf(inner, suite)).toEqual({ ok: false, passed: 1, failed: 1, skipped: 0 });
  expect(printed).toContain('failed: unbind: a suite');
  expect(printed).toContain('after boom');
});

it('counts a failed test once, not again with its suite', () => {
  const failed = { passed: false, error: 'Error: wrong', failureType: 'testCodeFailure' };
  const suite = { name: 'a suite', suite: true, passed: false, failureType: 'subtestsFailed' };
  expect(summaryOf({ ...inner, ...failed }, suite)).toEqual({
    ok: false,
    passed: 0,
    failed: 1,
    skipped: 0,
  });
  expect(printed).toContain('failed: unbind: inner');
});

it('counts passed and skipped tests, and no suite that passed', () => {
  const suite = { name: 'a suite', suite: true };
  expect(summaryOf(inner, { ...inner, skipped: 'no iommufd' }, suite)).toEqual({
    ok: true,
    passed: 1,
    failed: 0,
    skipped: 1,
  });
});
