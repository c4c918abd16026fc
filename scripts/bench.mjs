// npm run bench: builds the package and the C baseline, and compares them.
// Arguments go to the benchmark: npm run bench -- --json
import { build } from './build.mjs';
import { fail, run } from './setup.mjs';

try {
  await build();
  run('make', ['--silent', '-C', 'bench/baseline']);
  run(process.execPath, ['bench/main.mjs', ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
