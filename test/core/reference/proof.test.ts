import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lives, setups } from './arbitraries';
import { Duel } from './duel';
import type { Setup } from './setup';

/** That the comparison with the reference can fail: cores that are set up otherwise are noticed. */

const RUNS = 300;

const alterations: [what: string, alter: (setup: Setup) => Partial<Setup>][] = [
  [
    'edges counted otherwise',
    ({ edgeCount }) => ({ edgeCount: edgeCount === 'replay' ? 'coalesce' : 'replay' }),
  ],
  ['another time-out', () => ({ timeoutMs: 57 })],
  [
    'unmasking given up earlier',
    ({ maxUnmaskAttempts }) => ({ maxUnmaskAttempts: maxUnmaskAttempts + 1 }),
  ],
  [
    'lines completed by any access instead of a write',
    ({ lines }) => ({
      lines: lines.map((line) => (line.eoi === 'write' ? { ...line, eoi: 'access' } : line)),
    }),
  ],
  [
    'independent lines serialised',
    ({ lines }) => ({
      lines: lines.map((line) => (line.eoi === 'irqchip' ? { ...line, eoi: 'access' } : line)),
    }),
  ],
  ['register rules forgotten', ({ rules }) => ({ rules: rules.slice(1) })],
  ['other widths', () => ({ accessWidths: [8] })],
];

describe('a core that behaves otherwise is noticed', () => {
  it.each(alterations)('%s', async (_, alter) => {
    const property = fc.asyncProperty(setups, lives, (setup, life) =>
      Duel.play(setup, life, { ...setup, ...alter(setup) }),
    );
    const { failed, error } = await fc
      .check(property, { seed: 1, numRuns: RUNS, endOnFailure: true })
      .then(({ failed, errorInstance }) => ({ failed, error: errorInstance }));
    expect(failed).toBe(true);
    expect(`${error}`).toMatch(/\n! .*expected/);
  });

  it('strict instead of qemu', async () => {
    const qemu = setups.map((setup): Setup => ({ ...setup, policy: 'qemu', timeoutMs: 100 }));
    const property = fc.asyncProperty(qemu, lives, (setup, life) =>
      Duel.play(setup, life, { ...setup, policy: 'strict' }),
    );
    const { failed } = await fc.check(property, { seed: 1, numRuns: RUNS, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
