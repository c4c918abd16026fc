// npm run coverage: runs the tests of the core on an instrumented build, and
// reports the statements of assembly/ that no test reached.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fail, installDependencies, runTool } from './setup.mjs';

const FOLDER = '.cache/coverage';
const HITS = `${FOLDER}/hits`;
const THRESHOLD_PERCENT = 95;

try {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  await buildCore(['release']);
  const { instrument } = await import('./coverage/instrument.mjs');
  const { report, sumHits } = await import('./coverage/report.mjs');
  const { statements } = instrument({ sourceDir: 'assembly', outDir: `${FOLDER}/assembly` });
  runTool('asc', [
    `${FOLDER}/assembly/index.ts`,
    '--config',
    'asconfig.json',
    '--target',
    'coverage',
  ]);
  rmSync(HITS, { recursive: true, force: true });
  mkdirSync(HITS, { recursive: true });
  runTool('vitest', ['run', ...process.argv.slice(2)], {
    env: { ...process.env, VFIO_CORE: 'coverage' },
  });
  const runs = readdirSync(HITS).map((name) => JSON.parse(readFileSync(`${HITS}/${name}`, 'utf8')));
  const result = report({
    statements,
    hits: sumHits(statements.length, runs),
    threshold: THRESHOLD_PERCENT,
  });
  console.log(result.text);
  if (!result.ok) process.exit(1);
} catch (error) {
  fail(error);
}
