// npm run build: compiles the core and bundles dist/.
import { rmSync } from 'node:fs';
import { isFresh } from './freshness.mjs';
import { fail, installDependencies, runTool } from './setup.mjs';

const SOURCES = [
  'host',
  'assembly',
  'asconfig.json',
  'tsconfig.json',
  'rollup.config.mjs',
  'package-lock.json',
];

/** Whether dist/ is what the sources give. */
export function distIsFresh() {
  return isFresh('dist', 'dist', SOURCES);
}

/** Brings the core and dist/ up to date. */
export async function build() {
  installDependencies();
  const { buildCore } = await import('./build-core.mjs');
  const { buildIfStale } = await import('./freshness.mjs');
  await buildCore(['release']);
  await buildIfStale('dist', 'dist', SOURCES, () => {
    rmSync('dist', { recursive: true, force: true });
    runTool('rollup', ['--config', 'rollup.config.mjs', '--silent']);
  });
}

if (process.argv[1]?.endsWith('build.mjs')) await build().catch(fail);
