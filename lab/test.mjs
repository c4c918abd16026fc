// npm run test:lab [-- NAME]: the tests on a real kernel, in virtual arm64 boards.
// NAME is a part of a file's name in lab/tests, or else of a test's.
import { createWriteStream, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fail } from '../scripts/setup.mjs';
import { startBoard } from './board/board.mjs';
import { Plan } from './board/plan.mjs';
import { Summary } from './board/report.mjs';
import { runMachine, runMachines } from './board/run.mjs';
import { buildGuest } from './build/guest.mjs';
import { cache } from './build/step.mjs';

/** Each has one CPU and takes a gigabyte. */
const MACHINES = 2;

/**
 * @param {import('./build/guest.mjs').Guest} guest
 * @param {string} only
 */
export async function runTests(guest, only) {
  const summary = new Summary();
  const plan = new Plan(only);
  mkdirSync(cache, { recursive: true });
  const count = Math.min(MACHINES, availableParallelism(), plan.size);
  const logs = Array.from({ length: count }, (_, index) => join(cache, `console-${index + 1}.log`));
  await runMachines(
    logs.map((path, index) => async () => {
      const log = createWriteStream(path);
      const name = `machine ${index + 1}`;
      /** @param {import('./board/board.mjs').OnReport} onReport */
      const start = async (onReport) => {
        const board = await startBoard(guest, { append: 'lab=tests', console: 'pipe', onReport });
        board.ended.then(() => board.outside.recording.save());
        return board;
      };
      await runMachine({ name, start, plan, summary, log });
      log.end();
    }),
    plan,
    summary,
  );
  const ok = summary.finish();
  if (!ok) console.log(`the consoles of the guests are in ${logs.join(' and ')}`);
  return ok;
}

if (process.argv[1]?.endsWith('lab/test.mjs')) {
  try {
    const ok = await runTests(await buildGuest(), process.argv[2] ?? '');
    process.exit(ok ? 0 : 1);
  } catch (error) {
    fail(error);
  }
}
