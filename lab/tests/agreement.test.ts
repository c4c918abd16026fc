import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { kernelBench } from '../guest/kernel-bench';
import { askBoard } from '../guest/ports';
import { iommufdScenarios, scenarios } from '../scenarios';
import { type Bench, DMA_ENTRY_LIMIT, type Entry, Transcript } from '../scenarios/scenario';
import { simulatedBench } from '../scenarios/simulated-bench';

/** How many mappings each container may have that is opened from then on. */
const DMA_LIMIT = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit';

const iommufd = existsSync('/dev/iommu');

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
  const usualLimit = readFileSync(DMA_LIMIT, 'utf8');
  before(() => {
    execFileSync('prepare-devices');
    writeFileSync(DMA_LIMIT, String(DMA_ENTRY_LIMIT));
    bench = kernelBench();
  });
  after(() => writeFileSync(DMA_LIMIT, usualLimit));
  // Which kernel has said what decides where it is kept.
  const file = iommufd ? 'linux-6.12-iommufd.json' : 'linux-6.12.json';
  for (const { name, run } of iommufd ? iommufdScenarios : scenarios) {
    it(name, async () => {
      const real = new Transcript();
      const simulated = new Transcript();
      await run(bench, real);
      await run(simulatedBench({ iommufd }), simulated);
      assert.ok(real.entries.length > 0);
      askBoard({ do: 'record', file, name, kernel: release(), entries: real.entries });
      const different = differences(real.entries, simulated.entries);
      assert.equal(different.length, 0, different.slice(0, 40).join('\n'));
    });
  }
});
