// npm test: sets up what is missing and runs the tests on the release and the
// debug build of the core; those of the native host where the addon can be
// built. Arguments go to vitest.
import { fail, installDependencies, runTool } from './setup.mjs';

try {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  await buildCore();
  const { buildNative } = await import('./native.mjs');
  const missing = await buildNative();
  if (missing) process.stderr.write(`Without the native host: ${missing}\n`);
  runTool('vitest', ['run', ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
