import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { iommufdScenarios, scenarios } from '../../lab/scenarios';
import { Transcript } from '../../lab/scenarios/scenario';
import { simulatedBench } from '../../lab/scenarios/simulated-bench';

/** What a real kernel said in the lab; `npm run test:lab -- agreement` compares, with LAB_RECORD=1 it records. */
interface Recorded {
  readonly kernel: string;
  readonly transcripts: Readonly<Record<string, unknown[]>>;
}

/** The name of a kernel of our own says nothing of its configuration. */
const KERNELS = [
  { file: 'linux-6.12.json', what: '', iommufd: false, scenarios },
  {
    file: 'linux-6.12-iommufd.json',
    what: ' with iommufd',
    iommufd: true,
    scenarios: iommufdScenarios,
  },
] as const;

for (const { file, what, iommufd, scenarios } of KERNELS) {
  const text = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
  const recorded = JSON.parse(text) as Recorded;

  describe(`the simulated kernel does what Linux ${recorded.kernel}${what} did`, () => {
    it('in every scenario that was recorded, and all were', () => {
      expect(scenarios.map(({ name }) => name)).toEqual(Object.keys(recorded.transcripts));
    });

    for (const { name, run } of scenarios) {
      it(name, async () => {
        const transcript = new Transcript();
        await run(simulatedBench({ iommufd }), transcript);
        expect(transcript.entries).toEqual(recorded.transcripts[name]);
      });
    }
  });
}
