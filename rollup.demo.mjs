import { fileURLToPath } from 'node:url';
import typescript from '@rollup/plugin-typescript';

const demo = fileURLToPath(new URL('demo/', import.meta.url));

/** The demonstration, as one program for Node. It uses the package as its users do. */
export default {
  input: 'demo/main.ts',
  output: {
    dir: '.cache/demo',
    format: 'es',
    sourcemap: true,
    // main.js waits at its top level, so nothing that is loaded meanwhile may be in there.
    manualChunks: (id) => (id.startsWith(demo) ? undefined : 'package'),
  },
  external: [/^node:/, 'rp2040js', 'v86', 'fflate', /^vfio-platform-wasm/],
  plugins: [
    typescript({
      noEmitOnError: true,
      compilerOptions: { noEmit: false, sourceMap: true, inlineSources: true },
      include: ['demo/**/*.ts', 'host/**/*.ts', 'assembly/**/*.ts'],
    }),
  ],
};
