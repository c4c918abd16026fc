// npm run native: compiles the addon for this machine to native/build/Release/.
// Needs a C++20 compiler ($CXX, or c++), nothing else: Node's headers come with
// npm packages. npm run prebuilds makes the binaries that the package carries.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolder = join(root, 'native', 'src');
const output = join(root, 'native', 'build', 'Release', 'vfio_platform.node');

/** What each prebuilt binary is compiled with; the names are those node-gyp-build looks for. */
const prebuilds = [
  { folder: 'linux-x64', compiler: 'x86_64-linux-gnu-g++', strip: 'x86_64-linux-gnu-strip' },
  { folder: 'linux-arm64', compiler: 'aarch64-linux-gnu-g++', strip: 'aarch64-linux-gnu-strip' },
];
const PREBUILD = 'node.napi.glibc.node';

const require = createRequire(import.meta.url);

/** @param {string} module a package with headers */
function headers(module) {
  try {
    return dirname(require.resolve(`${module}/package.json`));
  } catch (cause) {
    throw new Error(`the package ${module} is missing; run 'npm install' first`, { cause });
  }
}

const FLAGS = [
  '-std=c++20',
  '-O2',
  '-fPIC',
  '-pthread',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-DNAPI_VERSION=8',
  '-DNAPI_CPP_EXCEPTIONS',
  // In a worker that is being terminated nothing can be thrown any more.
  '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  '-DNODE_GYP_MODULE_NAME=vfio_platform',
];

const start = promisify(execFile);

/**
 * Compiles all of native/src to `target`.
 * @param {string} compiler @param {readonly string[]} extra @param {string} target
 */
async function compile(compiler, extra, target) {
  const names = readdirSync(sourceFolder)
    .filter((name) => name.endsWith('.cc'))
    .sort();
  const include = [
    `-isystem${join(headers('node-api-headers'), 'include')}`,
    `-isystem${headers('node-addon-api')}`,
  ];
  const objects = mkdtempSync(join(tmpdir(), 'vfio-platform-'));
  try {
    const waiting = [...names];
    const work = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const args = ['-c', join('native', 'src', name), '-o', join(objects, `${name}.o`)];
        await start(compiler, [...FLAGS, ...include, ...extra, ...args], { cwd: root });
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    mkdirSync(dirname(target), { recursive: true });
    // Under another name first: somebody may have the old one loaded.
    const fresh = `${target}.${process.pid}`;
    const link = ['-shared', '-pthread', '-Wl,--build-id=none', '-Wl,-z,relro,-z,now'];
    const inputs = names.map((name) => join(objects, `${name}.o`));
    await start(compiler, [...link, ...extra, ...inputs, '-o', fresh], { cwd: root });
    renameSync(fresh, target);
  } finally {
    rmSync(objects, { recursive: true });
  }
}

/** What only a compiler of C++20 with its library and the system's headers takes. */
const PROBE =
  '#include <atomic>\n#include <unistd.h>\nint n; int f() { return std::atomic_ref(n); }\n';

/** The C++ compiler of this machine, or undefined. */
export function findCompiler() {
  for (const name of [process.env.CXX, 'c++', 'g++', 'clang++']) {
    if (!name) continue;
    const args = ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'];
    const { status } = spawnSync(name, args, { input: PROBE, stdio: ['pipe', 'ignore', 'ignore'] });
    if (status === 0) return name;
  }
  return undefined;
}

/**
 * Builds the addon for this machine, when its sources have changed since.
 * @returns why not, or undefined
 */
export async function buildNative() {
  if (process.platform !== 'linux') return 'the native host needs Linux';
  const compiler = findCompiler();
  if (compiler === undefined) return 'there is no compiler of C++20 (c++)';
  const { buildIfStale } = await import('./freshness.mjs');
  const sources = ['native/src', 'scripts/native.mjs', 'package-lock.json'].filter((path) =>
    existsSync(join(root, path)),
  );
  const extra = (process.env.CXXFLAGS ?? '').split(' ').filter((flag) => flag !== '');
  await buildIfStale(output, 'native', sources, () => compile(compiler, extra, output));
  return undefined;
}

/**
 * Builds what the package carries; the same sources give the same bytes.
 * @param {string} [only] just this one (its folder)
 */
export async function prebuild(only) {
  const extra = [`-ffile-prefix-map=${root}=.`];
  for (const { folder, compiler, strip } of prebuilds) {
    if (only !== undefined && folder !== only) continue;
    const target = join(root, 'native', 'prebuilds', folder, PREBUILD);
    await compile(compiler, extra, target);
    execFileSync(strip, ['--strip-unneeded', target]);
    console.log(`native/prebuilds/${folder}/${PREBUILD}`);
  }
}

/** Why a package made now would lack a binary, or carry an old one; undefined when all is well. */
function packedProblem() {
  const changed = newest([sourceFolder, join(sourceFolder, 'shared')]);
  for (const { folder } of prebuilds) {
    const target = join(root, 'native', 'prebuilds', folder, PREBUILD);
    const built = statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (built < changed) {
      return `native/prebuilds/${folder} is missing or older than its sources; run 'npm run prebuilds' first`;
    }
  }
  return undefined;
}

/** @param {readonly string[]} folders */
function newest(folders) {
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return Math.max(...files.map((path) => statSync(path).mtimeMs));
}

const commands = { prebuilds: () => prebuild(), packed: packedProblem };

if (process.argv[1]?.endsWith('native.mjs')) {
  process.chdir(root);
  try {
    const command = commands[/** @type {keyof typeof commands} */ (process.argv[2])] ?? buildNative;
    const reason = await command();
    if (reason !== undefined) throw new Error(reason);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    console.error(message);
    process.exit(1);
  }
}
