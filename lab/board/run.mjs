// Runs tests on one machine, and sees to it that it comes to an end.

/** The guest says every few seconds that it is alive (lab/guest/main.ts); a busy host may keep it waiting. */
export const SILENCE_MS = 120_000;
/** All tests of a machine. */
export const LIMIT_MS = 900_000;
const CONSOLE_LINES = 30;

/**
 * @typedef {object} Board
 * @property {import('node:stream').Readable | null} console
 * @property {Promise<unknown>} ended
 * @property {() => void} stop
 */

/**
 * @param {object} options
 * @param {string} options.name of the machine, in words
 * @param {(onReport: import('./board.mjs').OnReport) => Promise<Board>} options.start
 * @param {import('./plan.mjs').Plan} options.plan what to run is taken from
 * @param {import('./report.mjs').Summary} options.summary
 * @param {NodeJS.WritableStream} options.log for all that is on the console
 */
export async function runMachine({ name, start, plan, summary, log }) {
  const report = summary.machine();
  /** @type {NodeJS.Timeout | undefined} */
  let silence;
  const board = await start((line, answer) => {
    silence?.refresh();
    /** @type {import('../protocol').Report} */
    const message = JSON.parse(line);
    if (message.type === 'ready') answer(plan.next());
    else report.take(message);
  });
  let why = 'ended before its tests did';
  /** @param {string} reason @param {number} ms */
  const giveUpAfter = (reason, ms) =>
    setTimeout(() => {
      why = `${reason} for ${ms / 1000} s`;
      board.stop();
    }, ms);
  silence = giveUpAfter('has said nothing', SILENCE_MS);
  const limit = giveUpAfter('has run', LIMIT_MS);
  let said = '';
  board.console?.on('data', (chunk) => {
    log.write(chunk);
    said = `${said}${chunk}`.split('\n').slice(-CONSOLE_LINES).join('\n');
  });
  await board.ended;
  clearTimeout(silence);
  clearTimeout(limit);
  if (!report.ended) report.lost(`${name} ${why}`, said.trimEnd());
}
