// Runs the firmware of the stories on this computer, on the simulated host.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cache } from '../build/step.mjs';

/**
 * The same code, firmware and package as on the board (lab/build/package.mjs).
 * @param {import('../guest/run-stories').StoryMachine} machine
 * @returns {Promise<import('../guest/stories').Seen>}
 */
export async function simulatedStories(machine) {
  const lab = join(cache, 'package/lab');
  const { storyMachines } = await import(pathToFileURL(join(lab, 'run-stories.js')).href);
  return storyMachines[machine]({ folder: join(lab, 'firmware'), real: false });
}
