// npm run bench: builds the package and the C baseline, and compares them.
// Arguments go to the benchmark: npm run bench -- --json
import { build } from './build.mjs';
import { fail, run, runTool } from './setup.mjs';

const CROSSINGS = '.cache/bench/crossings.wasm';

try {
  await build();
  run('make', ['--silent', '-C', 'bench/baseline']);
  // In its own folder, where the core's asconfig.json does not apply.
  const flags = ['--runtime', 'stub', '-O3', '--initialMemory', '1', '--maximumMemory', '1'];
  runTool('asc', ['module.ts', ...flags, '-o', `../../${CROSSINGS}`], { cwd: 'bench/crossings' });
  run(process.execPath, ['bench/main.mjs', ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
