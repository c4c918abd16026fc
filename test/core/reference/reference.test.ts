import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  lives,
  ruledLives,
  ruledSetups,
  setups,
  troubledLives,
  troubledSetups,
} from './arbitraries';
import { Duel } from './duel';
import type { Setup, Stimulus } from './setup';

/**
 * VFIO_PROPERTY_RUNS: how many random lives; VFIO_PROPERTY_SEED and
 * VFIO_PROPERTY_PATH: as a failure has printed them.
 */
const { VFIO_PROPERTY_RUNS, VFIO_PROPERTY_SEED, VFIO_PROPERTY_PATH } = process.env;
const RUNS = Number(VFIO_PROPERTY_RUNS ?? 1500);
const SEED = Number(VFIO_PROPERTY_SEED ?? 20260101);

async function holds(
  of: fc.Arbitrary<Setup>,
  during: fc.Arbitrary<Stimulus[]>,
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(of, during, (setup, life) => Duel.play(setup, life)),
    {
      seed: SEED,
      numRuns,
      ...(VFIO_PROPERTY_PATH !== undefined && { path: VFIO_PROPERTY_PATH }),
      includeErrorInReport: true,
    },
  );
}

describe('the core does what the reference model does', () => {
  it('in every random life of a random device', () => holds(setups, lives, RUNS));

  it('when unmasking keeps failing', () =>
    holds(troubledSetups, troubledLives, Math.ceil(RUNS / 5)));

  it('when registers complete the lines', () =>
    holds(ruledSetups, ruledLives, Math.ceil(RUNS / 4)));
});
