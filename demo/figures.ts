import type { Interrupt } from './recording';
import { visitsOf } from './visits';

/** Of some times, in nanoseconds. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @returns undefined when there are no values */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  if (min === undefined || median === undefined || max === undefined) return undefined;
  return { min, median, max };
}

/** From the trigger at the device to the EOI after which the line stays down, for each visit. */
export function triggerToEoi(interrupts: readonly Interrupt[]): Spread | undefined {
  return spread(
    visitsOf(interrupts).flatMap(({ interrupts: [first, ...others] }) => {
      const { eoiNs } = others.at(-1) ?? first;
      return eoiNs === undefined ? [] : [eoiNs - first.triggerNs];
    }),
  );
}
