// npm run test:lab [-- NAME]: the tests on a real kernel, in a virtual arm64 board.
// NAME is a part of a file's name in lab/tests, or else of a test's.
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../scripts/setup.mjs';
import { startBoard } from './board/board.mjs';
import { Summary } from './board/report.mjs';
import { buildGuest } from './build/guest.mjs';
import { cache } from './build/step.mjs';

const LIMIT_MS = 1_500_000;

/**
 * @param {import('./build/guest.mjs').Guest} guest
 * @param {string} only
 */
export async function runTests(guest, only) {
  const summary = new Summary();
  const log = join(cache, 'console.log');
  mkdirSync(cache, { recursive: true });
  const board = await startBoard(guest, {
    append: `lab=tests lab.only=${Buffer.from(only).toString('base64url')}`,
    console: 'pipe',
    onReport: (line) => summary.take(line),
  });
  board.qemu.stdout?.pipe(createWriteStream(log));
  board.qemu.stderr?.pipe(process.stderr);
  const limit = setTimeout(() => {
    console.error(`the guest has run for ${LIMIT_MS / 1000} s: ended`);
    board.stop();
  }, LIMIT_MS);
  await board.ended;
  clearTimeout(limit);
  board.outside.recording.save();
  const ok = summary.finish();
  if (!ok) console.log(`the console of the guest is in ${log}`);
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
