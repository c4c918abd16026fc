import { describe, expect, it } from 'vitest';
import { type GoldenTrace, loadGolden, playGolden, titleOf } from '../../golden/player';
import { GoldenCore, type Splitting } from './core-machine';

const directed = loadGolden('qemu-7.2.22-directed.jsonl');
const random = loadGolden('qemu-7.2.22.jsonl');

/** Plays one trace on a fresh machine. @returns the first difference */
async function play(golden: GoldenTrace, splits: Splitting) {
  const machine = await GoldenCore.open(golden, splits);
  const mismatch = playGolden(golden, machine);
  machine.close();
  return mismatch;
}

describe('policy qemu does what a real QEMU did', () => {
  it('has all golden traces', () => {
    expect(directed).toHaveLength(16);
    expect(random).toHaveLength(160);
    expect(random.flatMap(({ steps }) => steps)).toHaveLength(1829);
  });

  // QEMU splits before its device sees an access; here both may do it, with the same result.
  describe.each(['machine', 'device'] as const)('accesses split by the %s', (splits) => {
    it.each(directed.map((golden) => ({ title: titleOf(golden), golden })))(
      '$title',
      async ({ golden }) => expect(await play(golden, splits)).toBeUndefined(),
    );

    it('every random sequence', async () => {
      const different: string[] = [];
      let first: Awaited<ReturnType<typeof play>>;
      for (const golden of random) {
        const mismatch = await play(golden, splits);
        first ??= mismatch;
        if (mismatch) different.push(titleOf(golden));
      }
      expect({ different, first }).toEqual({ different: [], first: undefined });
    });
  });
});
