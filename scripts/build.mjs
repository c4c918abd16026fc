// npm run build: compiles the core and bundles dist/.
import { rmSync } from 'node:fs';
import { fail, installDependencies, runTool } from './setup.mjs';

/** Brings the core and dist/ up to date. */
export async function build() {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  const { buildIfStale } = await import('./freshness.mjs');
  await buildCore(['release']);
  const sources = [
    'host',
    'assembly',
    'asconfig.json',
    'tsconfig.json',
    'rollup.config.mjs',
    'package-lock.json',
  ];
  await buildIfStale('dist', 'dist', sources, () => {
    rmSync('dist', { recursive: true, force: true });
    runTool('rollup', ['--config', 'rollup.config.mjs', '--silent']);
  });
}

if (process.argv[1]?.endsWith('build.mjs')) await build().catch(fail);
