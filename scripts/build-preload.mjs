// Compiles the library that plays the kernel's VFIO side under the native host
// (test/native/preload). Without a C compiler there is none, and no error.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const SOURCES = join(root, 'test/native/preload');
const LIBRARY = join(root, '.cache/native/libvfioplay.so');
const FLAGS =
  '-std=c11 -O2 -g -fPIC -shared -fvisibility=hidden -pthread -Wall -Wextra ' +
  // The declarations of glibc's hardening get in the way of defining its functions.
  '-U_FORTIFY_SOURCE -D_GNU_SOURCE -D_LARGEFILE64_SOURCE';

/** Those whose way of calling the kernel raw.h knows. */
const MACHINES = ['x64', 'arm64'];

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * The library, compiled when it is missing or older than its source.
 * @returns {{ library: string } | { reason: string }}
 */
export function buildPreload() {
  if (process.platform !== 'linux') return { reason: `needs Linux, this is ${process.platform}` };
  if (!MACHINES.includes(process.arch)) return { reason: `is not made for ${process.arch}` };
  // It defines glibc's functions, under glibc's names.
  if (!process.report.getReport().header.glibcVersionRuntime) return { reason: 'needs glibc' };
  const files = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  if (files.every((path) => changedAt(path) < changedAt(LIBRARY))) return { library: LIBRARY };
  const compiler = process.env.CC ?? 'cc';
  const probe = { input: '#include <stdio.h>\n', stdio: ['pipe', 'ignore', 'ignore'] };
  if (spawnSync(compiler, ['-fsyntax-only', '-x', 'c', '-'], probe).status !== 0) {
    return { reason: `needs a C compiler with its headers, and '${compiler}' is none` };
  }
  mkdirSync(join(root, '.cache/native'), { recursive: true });
  const sources = files.filter((path) => path.endsWith('.c'));
  execFileSync(compiler, [...FLAGS.split(' '), '-o', LIBRARY, ...sources, '-ldl'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return { library: LIBRARY };
}

if (process.argv[1] === import.meta.filename) {
  const built = buildPreload();
  console.log('library' in built ? built.library : `not built: ${built.reason}`);
}
