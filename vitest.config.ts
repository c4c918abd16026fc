import { defineConfig } from 'vitest/config';

const variants = (process.env.VFIO_CORE ?? 'release,debug').split(',');

export default defineConfig({
  test: {
    testTimeout: 60_000,
    projects: [
      // What needs the core runs on every build of it, the rest once.
      ...variants.map((variant) => ({
        test: {
          name: variant,
          include: ['test/core/**/*.test.ts'],
          env: { VFIO_CORE: variant },
          testTimeout: 120_000,
        },
      })),
      ...(process.env.VFIO_CORE
        ? []
        : [
            {
              test: {
                name: 'host',
                include: ['test/**/*.test.ts'],
                exclude: ['test/core/**', 'test/linux/**'],
                testTimeout: 60_000,
              },
            },
          ]),
    ],
  },
});
