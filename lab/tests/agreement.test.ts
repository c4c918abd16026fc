import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { before, describe, it } from 'node:test';
import { kernelBench } from '../guest/kernel-bench';
import { askBoard } from '../guest/ports';
import { scenarios } from '../scenarios';
import { type Bench, type Entry, Transcript } from '../scenarios/scenario';
import { simulatedBench } from '../scenarios/simulated-bench';

/** The entries that differ, each with what the kernel and what the simulation says. */
function differences(kernel: readonly Entry[], simulation: readonly Entry[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < Math.max(kernel.length, simulation.length); i++) {
    const [real, simulated] = [kernel[i], simulation[i]].map((entry) => JSON.stringify(entry));
    if (real !== simulated) found.push(`kernel ${real}, simulation ${simulated}`);
  }
  return found;
}

describe('the simulated kernel agrees with this one', () => {
  let bench: Bench;
  before(async () => {
    execFileSync('prepare-devices');
    bench = kernelBench();
  });
  for (const { name, run } of scenarios) {
    it(name, async () => {
      const real = new Transcript();
      const simulated = new Transcript();
      await run(bench, real);
      await run(simulatedBench(), simulated);
      assert.ok(real.entries.length > 0);
      askBoard({ do: 'record', name, kernel: release(), entries: real.entries });
      const different = differences(real.entries, simulated.entries);
      assert.equal(different.length, 0, different.slice(0, 40).join('\n'));
    });
  }
});
