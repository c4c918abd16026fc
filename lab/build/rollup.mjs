import { readdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import typescript from '@rollup/plugin-typescript';

/** Modules of the package that users can import, and how. */
const PUBLIC = {
  'host/index.ts': 'vfio-platform-wasm',
  'host/sim/index.ts': 'vfio-platform-wasm/sim',
  'host/native/index.ts': 'vfio-platform-wasm/native',
  'host/trace/index.ts': 'vfio-platform-wasm/trace',
  'host/profiles/index.ts': 'vfio-platform-wasm/profiles',
  'host/describe/index.ts': 'vfio-platform-wasm/describe',
  'host/machines/rp2040js/index.ts': 'vfio-platform-wasm/machines/rp2040js',
  'host/machines/v86/index.ts': 'vfio-platform-wasm/machines/v86',
};

/** Makes the tests use the package that is installed in the guest, as its users do. */
const throughThePackage = {
  name: 'through-the-package',
  async resolveId(source, importer, options) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    const id = found && PUBLIC[relative(process.cwd(), found.id)];
    return id === undefined ? found : { id, external: true };
  },
};

const tests = readdirSync('lab/tests').filter((name) => name.endsWith('.test.ts'));

/** The runner and the tests, for Node in the guest, and what the board runs as well. */
export default {
  input: {
    main: 'lab/guest/main.ts',
    'run-stories': 'lab/guest/run-stories.ts',
    ...Object.fromEntries(
      tests.map((name) => [`tests/${name.replace(/\.ts$/, '')}`, resolve('lab/tests', name)]),
    ),
  },
  output: {
    dir: process.env.LAB_OUTPUT,
    format: 'es',
    sourcemap: true,
    chunkFileNames: 'chunks/[name].js',
  },
  external: [/^node:/, 'rp2040js', 'v86'],
  plugins: [
    throughThePackage,
    typescript({
      noEmitOnError: true,
      compilerOptions: {
        noEmit: false,
        sourceMap: true,
        inlineSources: true,
        removeComments: true,
      },
      include: [
        'lab/**/*.ts',
        'test/machines/**/*.ts',
        'test/sim/fixture.ts',
        'host/**/*.ts',
        'assembly/**/*.ts',
      ],
    }),
  ],
};
