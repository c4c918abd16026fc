// The long proofs of recordings, for CI:
//   npm run test:mutation [-- <count> [<first>]]   damaged traces, 100 000 unless given
//   npm run test:replay [-- <count>]               random lives, 1 000 unless given
import { fail, installDependencies, runTool } from './setup.mjs';

const DEFAULTS = { mutation: 100_000, replay: 1_000 };

/** @param {string} what @param {string | undefined} count @param {string | undefined} first */
function settings(what, count, first) {
  const number = String(count ?? DEFAULTS[/** @type {'mutation' | 'replay'} */ (what)]);
  return what === 'mutation'
    ? { TRACE_MUTANTS: number, TRACE_FIRST_MUTANT: first ?? '1' }
    : { REPLAY_SEEDS: number };
}

try {
  const [what = '', count, first] = process.argv.slice(2);
  if (!Object.hasOwn(DEFAULTS, what)) throw new Error(`there is no test '${what}'`);
  if (count !== undefined && !/^[1-9]\d*$/.test(count)) throw new Error(`'${count}' is no count`);
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  await buildCore();
  const test = what === 'mutation' ? 'test/trace/mutation' : 'test/trace/random';
  runTool('vitest', ['run', '--project', 'host', test], {
    env: { ...process.env, ...settings(what, count, first) },
  });
} catch (error) {
  fail(error);
}
