// npm run test:linux: boots Debian's stock i386 kernel in v86 and lets its own
// drivers work on passed-through devices. Needs Debian's apt, not root.
import { fail, installDependencies, runTool } from './setup.mjs';

try {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  await buildCore();
  runTool('vitest', ['run', '--config', 'test/linux/vitest.config.ts', ...process.argv.slice(2)]);
} catch (error) {
  fail(error);
}
