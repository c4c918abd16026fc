import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Plan } from '../../lab/board/plan.mjs';
import { Summary } from '../../lab/board/report.mjs';
import { type OnReport, runMachine, runMachines, SILENCE_MS } from '../../lab/board/run.mjs';
import type { Report } from '../../lab/protocol';

let printed = '';

beforeEach(() => {
  printed = '';
  vi.useFakeTimers();
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A machine that does what the test makes it do, and its run. */
async function machine(plan: Plan, summary: Summary) {
  const console = new PassThrough();
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const stop = vi.fn(end);
  let hear: OnReport = () => {};
  const over = runMachine({
    name: 'machine 1',
    start: async (onReport) => {
      hear = onReport;
      return { console, ended, stop };
    },
    plan,
    summary,
    log: new PassThrough(),
  });
  await vi.advanceTimersByTimeAsync(0);
  const answers: object[] = [];
  const report = (...reports: readonly Report[]) => {
    for (const each of reports) hear(JSON.stringify(each), (answer) => answers.push(answer));
  };
  return { console, end, over, report, answers, stop };
}

const test: Report = {
  ...{ type: 'test', name: 'a test', nesting: 0, suite: false },
  ...{ ms: 1, passed: true },
};
const begin: Report = { type: 'begin', name: 'a test', nesting: 0 };

it('gives a machine that is free the next file, until none is left', async () => {
  const summary = new Summary();
  const { over, report, answers, end, stop } = await machine(new Plan('', ['dma']), summary);
  report({ type: 'ready' }, { type: 'file', name: 'dma' }, begin, test, { type: 'ready' });
  report({ type: 'end' });
  end();
  await over;
  expect(answers).toEqual([{ file: 'dma', tests: undefined }, { file: undefined }]);
  expect(summary.finish()).toBe(true);
  expect(stop).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

it('ends a machine that hangs, and says where it was and what is on its console', async () => {
  const summary = new Summary();
  const { over, report, console, stop } = await machine(new Plan('dma'), summary);
  report({ type: 'file', name: 'dma' }, begin, test, { ...begin, name: 'the next' });
  console.write('Unable to handle kernel paging request\n');
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
  expect(stop).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await over;
  expect(stop).toHaveBeenCalledOnce();
  expect(summary.finish()).toBe(false);
  const seconds = SILENCE_MS / 1000;
  expect(printed).toContain(`machine 1 has said nothing for ${seconds} s (at dma: the next)`);
  expect(printed).toContain('Unable to handle kernel paging request');
  expect(printed).toContain('✓ a test');
});

it('leaves a machine alone that is slow but alive', async () => {
  const summary = new Summary();
  const { over, report, end, stop } = await machine(new Plan('dma'), summary);
  report({ type: 'file', name: 'dma' }, begin);
  for (let hours = 0; hours < 2; hours += SILENCE_MS / 2 / 3_600_000) {
    report({ type: 'alive' });
    await vi.advanceTimersByTimeAsync(SILENCE_MS / 2);
  }
  expect(stop).not.toHaveBeenCalled();
  report(test, { type: 'end' });
  end();
  await over;
  expect(summary.finish()).toBe(true);
});

it('waits for nothing more where a machine cannot be started', async () => {
  const start = async () => ({
    console: null,
    ended: Promise.reject(new Error('no such program')),
    stop() {},
  });
  const plan = new Plan('dma');
  const summary = new Summary();
  const run = runMachine({ name: 'machine 1', start, plan, summary, log: new PassThrough() });
  await expect(run).rejects.toThrow('no such program');
  expect(vi.getTimerCount()).toBe(0);
});

it('fails what is left when all machines are lost', async () => {
  const summary = new Summary();
  const plan = new Plan('', ['access', 'dma', 'pl061']);
  const { over, report, end } = await machine(plan, summary);
  report({ type: 'ready' }, { type: 'file', name: 'access' }, begin, test);
  end();
  await runMachines([() => over], plan, summary);
  expect(summary.finish()).toBe(false);
  expect(summary.failed).toBe(3);
  expect(printed).toContain('failed: dma: not run');
  expect(printed).toContain('failed: pl061: not run');
});

it('says of a machine that ends too early what its last words were', async () => {
  const summary = new Summary();
  const { over, console, end } = await machine(new Plan('dma'), summary);
  console.write(`${Array.from({ length: 100 }, (_, line) => `line ${line}`).join('\n')}\nPanic`);
  await vi.advanceTimersByTimeAsync(0);
  end();
  await over;
  expect(summary.finish()).toBe(false);
  expect(printed).toContain('machine 1 ended before its tests did (at the start)');
  expect(printed).toContain('line 99\n      Panic');
  expect(printed).not.toContain('line 50\n');
});
