import { describe, expect, it } from 'vitest';
import { type GoldenTrace, loadGolden, playGolden, titleOf } from '../../golden/player';
import { GoldenCore } from './core-machine';

const directed = loadGolden('qemu-7.2.22-directed.jsonl');
const random = loadGolden('qemu-7.2.22.jsonl');

describe('policy qemu does what a real QEMU did', () => {
  it('has all golden traces', () => {
    expect(directed).toHaveLength(16);
    expect(random).toHaveLength(160);
    expect(random.flatMap(({ steps }) => steps)).toHaveLength(1829);
  });

  describe.each(['machine', 'device'] as const)('accesses split by the %s', (splits) => {
    const reproduces = async (golden: GoldenTrace): Promise<void> => {
      const machine = await GoldenCore.open(golden, splits);
      expect(playGolden(golden, machine)).toBeUndefined();
      machine.close();
    };

    it.each(directed.map((golden) => ({ title: titleOf(golden), golden })))(
      'directed: $title',
      ({ golden }) => reproduces(golden),
    );

    it.each(random.map((golden) => ({ title: titleOf(golden), golden })))(
      'random: $title',
      ({ golden }) => reproduces(golden),
    );
  });
});
