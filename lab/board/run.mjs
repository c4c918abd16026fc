// Runs tests on one machine, and sees to it that it comes to an end; each file has a limit of its own in the guest.

/** The guest says every few seconds that it is alive (lab/guest/main.ts); a busy host may keep it waiting. */
export const SILENCE_MS = 120_000;
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
  silence = setTimeout(() => {
    why = `has said nothing for ${SILENCE_MS / 1000} s`;
    board.stop();
  }, SILENCE_MS);
  let said = '';
  board.console?.on('data', (chunk) => {
    log.write(chunk);
    said = `${said}${chunk}`.split('\n').slice(-CONSOLE_LINES).join('\n');
  });
  try {
    await board.ended;
  } finally {
    clearTimeout(silence);
  }
  if (!report.ended) report.lost(`${name} ${why}`, said.trimEnd());
}

/**
 * Runs machines next to each other; what they leave of the plan has failed.
 * @param {readonly (() => Promise<void>)[]} runs
 * @param {import('./plan.mjs').Plan} plan
 * @param {import('./report.mjs').Summary} summary
 */
export async function runMachines(runs, plan, summary) {
  await Promise.all(runs.map((run) => run()));
  for (const file of plan.takeRest()) summary.fail(`${file}: not run`);
}
