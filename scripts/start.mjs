// npm start: sets up what is missing, builds, and runs the demonstration.
// Arguments go to it: npm start -- --json
import { spawnSync } from 'node:child_process';
import { build } from './build.mjs';
import { fail, runTool } from './setup.mjs';

const OUTPUT = '.cache/demo';

try {
  await build();
  const { buildIfStale } = await import('./freshness.mjs');
  const sources = ['demo', 'host', 'assembly', 'rollup.demo.mjs', 'package-lock.json'];
  await buildIfStale(`${OUTPUT}/main.js`, 'demo', sources, () =>
    runTool('rollup', ['--config', 'rollup.demo.mjs', '--silent']),
  );
  const { status } = spawnSync(process.execPath, [`${OUTPUT}/main.js`, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} catch (error) {
  fail(error);
}
