import { describe, expect, it } from 'vitest';
import { KernelLines } from './kernel-lines';

describe('kernel lines', () => {
  it('an edge counts in its eventfd and is never masked', () => {
    const kernel = new KernelLines(['edge']);
    expect([kernel.fire(0), kernel.fire(0)]).toEqual(['signal', 'signal']);
    expect([kernel.drain(0), kernel.drain(0)]).toEqual([2, 0]);
    expect([kernel.mask(0), kernel.unmask(0), kernel.isMasked(0)]).toEqual([
      'refused',
      'refused',
      false,
    ]);
    expect(() => kernel.high(0)).toThrow();
  });

  it('a level line is masked by its signal and signals again if still high at unmask', () => {
    const kernel = new KernelLines(['level']);
    expect([kernel.high(0), kernel.isMasked(0), kernel.high(0)]).toEqual(['signal', true, 'quiet']);
    expect([kernel.low(0), kernel.high(0)]).toEqual(['quiet', 'masked']);
    expect([kernel.unmask(0), kernel.isMasked(0), kernel.undrained(0)]).toEqual([
      'signal',
      true,
      2,
    ]);
    kernel.low(0);
    expect([kernel.unmask(0), kernel.unmask(0), kernel.isMasked(0)]).toEqual([
      'quiet',
      'quiet',
      false,
    ]);
  });

  it('a loop-back trigger runs the same handler', () => {
    const kernel = new KernelLines(['level']);
    expect([kernel.fire(0), kernel.fire(0), kernel.isHigh(0)]).toEqual(['signal', 'masked', false]);
    expect(kernel.unmask(0)).toBe('quiet');
  });

  it('what waits is handled in descending index', () => {
    const kernel = new KernelLines(['edge', 'level', 'edge']);
    kernel.fire(0);
    kernel.fire(2);
    kernel.high(1);
    kernel.drain(1);
    expect(kernel.waiting).toEqual([2, 0]);
  });
});
