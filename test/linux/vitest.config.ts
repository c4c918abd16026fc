import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/linux/**/*.test.ts'],
    root: new URL('../..', import.meta.url).pathname,
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // One guest at a time: each of them takes a core.
    fileParallelism: false,
  },
});
