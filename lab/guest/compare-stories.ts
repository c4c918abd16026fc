import { askBoard } from './ports';
import { type StoryMachine, storyMachines } from './run-stories';
import { assertNothingLost, assertSameStories, type Seen } from './stories';

/**
 * The firmware of the stories on the real PL031 and PL061 does what it does on
 * simulated ones.
 * @param comparable what of a line has to be the same, where that is not all of it
 */
export async function compareStories(
  machine: StoryMachine,
  comparable?: (line: string) => string,
): Promise<void> {
  // On the other computer, where it takes less time.
  const expected = askBoard({ do: 'stories', machine }) as Seen;
  const start = performance.now();
  const seen = await storyMachines[machine]({
    folder: '/lab/firmware',
    real: true,
    atEnd: assertNothingLost,
  });
  console.log(`${Math.round(performance.now() - start)} ms\n${seen.said.join('\n')}`);
  assertSameStories(seen, expected, comparable);
}
