import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../host/sim/kernel/address-space';
import { Counters } from '../../host/sim/kernel/counters';
import { UserMemory } from '../../host/sim/kernel/user-memory';

const PAGES = 16;
const PAGE = 256;

interface Step {
  readonly page: number;
  readonly count: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly add: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  page: fc.nat(PAGES - 1),
  count: fc.integer({ min: 1, max: 4 }),
  readable: fc.boolean(),
  writable: fc.boolean(),
  add: fc.boolean(),
});

describe('an address space', () => {
  it('agrees with a table of single bytes', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.nat(PAGES * PAGE),
        fc.integer({ min: 1, max: 3 * PAGE }),
        fc.boolean(),
        (steps, iova, length, toDevice) => {
          const counters = new Counters();
          const space = new AddressSpace(counters, new UserMemory());
          const table: (Step | undefined)[] = new Array(PAGES + 8).fill(undefined);
          for (const each of steps) {
            const first = BigInt(each.page * PAGE);
            const size = BigInt(each.count * PAGE);
            const taken = space.overlapping(first, first + size - 1n);
            const range = table.slice(each.page, each.page + each.count);
            expect(taken !== undefined).toBe(range.some((entry) => entry !== undefined));
            if (each.add && taken === undefined) {
              const buffer = new ArrayBuffer(each.count * PAGE);
              const backing = { buffer, written: () => {} };
              space.insert({ ...each, iova: first, size, address: 0n, backing, offset: 0 });
              table.fill(each, each.page, each.page + each.count);
            } else if (!each.add && taken !== undefined) {
              space.remove(taken);
              const at = Number(taken.iova) / PAGE;
              table.fill(undefined, at, at + Number(taken.size) / PAGE);
            }
          }
          expect(counters.dmaMappings).toBe(space.mappings.length);
          let expected: string | undefined;
          for (let byte = iova; byte < iova + length && expected === undefined; byte++) {
            const entry = table[Math.floor(byte / PAGE)];
            if (entry === undefined) expected = 'unmapped';
            else if (!(toDevice ? entry.readable : entry.writable)) expected = 'permission';
          }
          const bytes = new Uint8Array(length).fill(0xa5);
          expect(space.transfer(iova, bytes, toDevice)).toBe(expected);
          space.clear();
          expect(counters.dmaMappings).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
