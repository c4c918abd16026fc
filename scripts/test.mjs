// npm test: sets up what is missing and runs the tests on the release and the
// debug build of the core. Arguments go to vitest.
import { fail, installDependencies, runTool } from './setup.mjs';

try {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  await buildCore();
  runTool('vitest', ['run', ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
