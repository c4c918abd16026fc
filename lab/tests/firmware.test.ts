import { before, describe, it } from 'node:test';
import { askBoard } from '../guest/ports';
import { prepareDevices } from '../guest/rig';
import { type StoryMachine, storyMachines } from '../guest/run-stories';
import { assertNothingLost, assertSameStories, type Seen } from '../guest/stories';

before(prepareDevices);

/** How many interrupts v86's UART needs depends on how fast its characters come. */
const comparable: Readonly<Record<StoryMachine, (line: string) => string>> = {
  rp2040js: (line) => line,
  v86: (line) => line.replace(/^(DONE .*)uart=\d+/, '$1uart=N'),
};

describe('a guest in the guest: the firmware of the stories', () => {
  for (const name of ['rp2040js', 'v86'] as const) {
    it(`in ${name}, on the real PL031 and PL061 as on the simulated ones`, async () => {
      // The same on the other computer, where it takes less time.
      const expected = askBoard({ do: 'stories', machine: name }) as Seen;
      const start = performance.now();
      const seen = await storyMachines[name]({
        folder: '/lab/firmware',
        real: true,
        atEnd: assertNothingLost,
      });
      console.log(`${Math.round(performance.now() - start)} ms\n${seen.said.join('\n')}`);
      assertSameStories(seen, expected, comparable[name]);
    });
  }
});
