import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/linux/**/*.test.ts'],
    root: new URL('../..', import.meta.url).pathname,
    testTimeout: 240_000,
    hookTimeout: 300_000,
    // One guest at a time: each of them takes a core.
    fileParallelism: false,
  },
});
