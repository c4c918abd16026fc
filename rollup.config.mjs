import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import typescript from '@rollup/plugin-typescript';
import { dts } from 'rollup-plugin-dts';

const entries = {
  index: 'host/index.ts',
  sim: 'host/sim/index.ts',
  profiles: 'host/profiles/index.ts',
  'machines/rp2040js': 'host/machines/rp2040js/index.ts',
  'machines/v86': 'host/machines/v86/index.ts',
  'machines/conformance': 'host/machines/conformance/index.ts',
};

/** Bundles the loader, so that the package runs without a resolver, with its licence. */
const bundledLoader = {
  name: 'bundled-loader',
  resolveId(id) {
    if (id !== '@assemblyscript/loader') return null;
    return fileURLToPath(import.meta.resolve('@assemblyscript/loader'));
  },
  generateBundle() {
    // The loader is part of AssemblyScript and comes without a copy of its licence.
    const licence = new URL('../LICENSE', import.meta.resolve('assemblyscript'));
    this.emitFile({
      type: 'asset',
      fileName: 'THIRD-PARTY-NOTICES.txt',
      source: `@assemblyscript/loader is part of this bundle, under this licence:\n\n${readFileSync(licence, 'utf8')}`,
    });
  },
};

export default [
  {
    input: entries,
    output: {
      dir: 'dist',
      format: 'es',
      sourcemap: true,
      chunkFileNames: 'chunks/[name].js',
    },
    plugins: [
      bundledLoader,
      typescript({
        noEmitOnError: true,
        // Comments are for the declarations and the source map, not for loading.
        compilerOptions: {
          noEmit: false,
          removeComments: true,
          sourceMap: true,
          inlineSources: true,
        },
        include: ['host/**/*.ts', 'assembly/**/*.ts'],
      }),
    ],
  },
  {
    input: entries,
    output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name].d.ts' },
    external: ['rp2040js'],
    plugins: [dts()],
  },
];
