import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scenarios } from '../../lab/scenarios';
import { Transcript } from '../../lab/scenarios/scenario';
import { simulatedBench } from '../../lab/scenarios/simulated-bench';

/** What the real kernel said in the lab; `npm run test:lab -- agreement` compares, with LAB_RECORD=1 it records. */
const recorded = JSON.parse(
  readFileSync(new URL('./linux-6.12.json', import.meta.url), 'utf8'),
) as { readonly kernel: string; readonly transcripts: Readonly<Record<string, unknown[]>> };

describe(`the simulated kernel does what Linux ${recorded.kernel} did`, () => {
  it('in every scenario that was recorded, and all were', () => {
    expect(scenarios.map(({ name }) => name)).toEqual(Object.keys(recorded.transcripts));
  });

  for (const { name, run } of scenarios) {
    it(name, async () => {
      const transcript = new Transcript();
      await run(simulatedBench(), transcript);
      expect(transcript.entries).toEqual(recorded.transcripts[name]);
    });
  }
});
