import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import terser from '@rollup/plugin-terser';
import typescript from '@rollup/plugin-typescript';
import { dts } from 'rollup-plugin-dts';

const entries = {
  index: 'host/index.ts',
  sim: 'host/sim/index.ts',
  native: 'host/native/index.ts',
  profiles: 'host/profiles/index.ts',
  describe: 'host/describe/index.ts',
  trace: 'host/trace/index.ts',
  'machines/rp2040js': 'host/machines/rp2040js/index.ts',
  'machines/v86': 'host/machines/v86/index.ts',
  'machines/conformance': 'host/machines/conformance/index.ts',
};

const { index: _, ...others } = entries;

/** The command vfio-wasm; a program, so without declarations. */
const programs = { cli: 'host/cli/main.ts' };

/** What is bundled, so that the package runs without a resolver: where it is, and its licence. */
const bundled = {
  // The loader is part of AssemblyScript and comes without a copy of its licence.
  '@assemblyscript/loader': {
    entry: import.meta.resolve('@assemblyscript/loader'),
    licence: new URL('../LICENSE', import.meta.resolve('assemblyscript')),
  },
  // Not its Node entry, which starts workers.
  fflate: {
    entry: new URL('../esm/browser.js', import.meta.resolve('fflate')),
    licence: new URL('../LICENSE', import.meta.resolve('fflate')),
  },
};

const bundledDependencies = {
  name: 'bundled-dependencies',
  resolveId(id) {
    return Object.hasOwn(bundled, id) ? fileURLToPath(bundled[id].entry) : null;
  },
  generateBundle() {
    const notices = Object.entries(bundled).map(
      ([name, { licence }]) =>
        `${name} is part of this bundle, under this licence:\n\n${readFileSync(licence, 'utf8')}`,
    );
    this.emitFile({
      type: 'asset',
      fileName: 'THIRD-PARTY-NOTICES.txt',
      source: notices.join('\n\n'),
    });
  },
};

/**
 * The main entry is one file with all that it imports, and what it loads with the first
 * device another: Node takes longer for each file than for reading it.
 */
const chunks = [
  { name: 'index', from: entries.index },
  { name: 'device', from: 'host/device/opening.ts' },
];

const moduleOf = (path) => fileURLToPath(new URL(path, import.meta.url));

function chunkOf(id, { getModuleInfo }) {
  for (const chunk of chunks) {
    const from = moduleOf(chunk.from);
    chunk.modules ??= closure(from, getModuleInfo);
    // Other entries are files of their own.
    if (chunk.modules.has(id) && (id === from || !getModuleInfo(id).isEntry)) return chunk.name;
  }
}

/** The module with all that it imports, but for what it loads later. */
function closure(id, getModuleInfo, seen = new Set([id])) {
  for (const imported of getModuleInfo(id)?.importedIds ?? []) {
    if (seen.has(imported) || getModuleInfo(imported)?.isExternal) continue;
    seen.add(imported);
    closure(imported, getModuleInfo, seen);
  }
  return seen;
}

/** The main entry, with its modules in its file, where other files can import them from. */
const mainEntry = {
  name: 'main-entry',
  buildStart() {
    this.emitFile({
      type: 'chunk',
      id: moduleOf(entries.index),
      fileName: 'index.js',
      preserveSignature: 'allow-extension',
    });
  },
};

/**
 * A host's entry brings the code of devices along, or a bundler could put that code into
 * a file that waits for one which waits for it; the package's own entry is one file, and
 * leaves that code for later.
 */
const hostsBringDevices = {
  name: 'hosts-bring-devices',
  generateBundle(_options, bundle) {
    const loadedWith = (file, loaded = new Set()) => {
      if (!loaded.has(file)) {
        loaded.add(file);
        for (const imported of bundle[file]?.imports ?? []) loadedWith(imported, loaded);
      }
      return loaded;
    };
    for (const entry of ['sim', 'native', 'trace']) {
      if (loadedWith(`${entry}.js`).has('chunks/device.js')) continue;
      this.error(`${entry}.js must import the code of devices`);
    }
    const { imports, exports } = bundle['index.js'];
    if (imports.length > 0) this.error(`index.js also loads ${imports}`);
    // Others may only import from it what everybody may.
    const own = exports.filter(
      (name) => !this.getModuleInfo(moduleOf(entries.index)).exports.includes(name),
    );
    if (own.length > 0) this.error(`index.js must not export ${own}`);
  },
};

export default [
  {
    input: { ...others, ...programs },
    external: [/^node:/, 'rp2040js'],
    output: {
      dir: 'dist',
      format: 'es',
      sourcemap: true,
      chunkFileNames: 'chunks/[name].js',
      manualChunks: chunkOf,
    },
    plugins: [
      mainEntry,
      bundledDependencies,
      hostsBringDevices,
      typescript({
        noEmitOnError: true,
        compilerOptions: {
          noEmit: false,
          sourceMap: true,
          inlineSources: true,
        },
        include: ['host/**/*.ts', 'assembly/**/*.ts'],
      }),
      // Half the time to import the package is parsing; the source map has the names.
      terser({ module: true, keep_classnames: true }),
    ],
  },
  {
    input: entries,
    output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name].d.ts' },
    external: ['rp2040js'],
    plugins: [dts()],
  },
];
