import typescript from '@rollup/plugin-typescript';

/** The demonstration, as one program for Node. It uses the package as its users do. */
export default {
  input: 'demo/main.ts',
  output: { file: '.cache/demo/main.js', format: 'es', sourcemap: true },
  external: [/^node:/, 'rp2040js', 'v86', 'fflate', /^vfio-platform-wasm/],
  plugins: [
    typescript({
      noEmitOnError: true,
      compilerOptions: { noEmit: false, sourceMap: true, inlineSources: true },
      include: ['demo/**/*.ts', 'host/**/*.ts', 'assembly/**/*.ts'],
    }),
  ],
};
