import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { buildPreload } from './scripts/build-preload.mjs';

const variants = (process.env.VFIO_CORE ?? 'release,debug').split(',');

/** What takes longer hangs. On a busy host everything takes ten times as long. */
const HANGS_MS = 300_000;
const patience = { testTimeout: HANGS_MS, hookTimeout: HANGS_MS };

/** The environment of processes that run on the played kernel, or why there are none. */
function playedKernel(): Record<string, string> {
  const built = buildPreload();
  if ('reason' in built) return { VFIO_PLAY_MISSING: built.reason };
  const folder = mkdtempSync(join(tmpdir(), 'vfio-play-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  // A sanitizer's runtime wants to be the first library (scripts/sanitizers.mjs).
  const libraries = [process.env.VFIO_PLAY_PRELOAD_FIRST, built.library];
  return { LD_PRELOAD: libraries.filter(Boolean).join(' '), VFIO_PLAY_ROOT: folder };
}

export default defineConfig({
  test: {
    ...patience,
    // The default leaves a core idle, which on two is half of them.
    maxWorkers: availableParallelism(),
    projects: [
      // What needs the core runs on every build of it, the rest once.
      ...variants.map((variant) => ({
        test: {
          name: variant,
          include: ['test/core/**/*.test.ts'],
          env: { VFIO_CORE: variant },
          ...patience,
        },
      })),
      ...(process.env.VFIO_CORE
        ? []
        : [
            {
              test: {
                name: 'host',
                include: ['test/**/*.test.ts'],
                exclude: [
                  'test/core/**',
                  'test/native/**',
                  'test/conformance/native/**',
                  'test/linux/**',
                ],
                ...patience,
              },
            },
            {
              // The native host on the kernel of test/native/preload: a process for each file.
              test: {
                name: 'native',
                include: ['test/native/**/*.test.ts', 'test/conformance/native/**/*.test.ts'],
                env: playedKernel(),
                pool: 'forks' as const,
                execArgv: ['--expose-gc'],
                ...patience,
              },
            },
          ]),
    ],
  },
});
