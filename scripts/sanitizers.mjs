// npm run test:tsan: the threaded parts of the addon, alone, under ThreadSanitizer.
// npm run test:asan: the addon with AddressSanitizer and UndefinedBehaviorSanitizer,
// under the tests of the native host. Arguments go to vitest. Both need g++.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findCompiler } from './native.mjs';
import { fail, installDependencies, root, run } from './setup.mjs';

/** What the addon and its tests consist of; the rest is not copied. */
const NEEDED = [
  ...['assembly', 'host', 'native/src', 'scripts', 'test', 'firmware', '.cache/core'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts', 'asconfig.json'],
];
const TESTS = [
  ...['test/conformance/native', 'test/native/open-faults', 'test/native/gone'],
  ...['test/native/guest-ram', 'test/native/abuse', 'test/native/watch', 'test/native/windows'],
  ...['test/native/workers', 'test/native/process', 'test/native/kvm'],
];

function compiler() {
  const found = findCompiler();
  if (found === undefined) throw new Error('the sanitizers need a C++ compiler (c++)');
  return found;
}

function tsan() {
  const program = join(root, '.cache/native/watcher-tsan');
  mkdirSync(join(root, '.cache/native'), { recursive: true });
  const flags = '-std=c++20 -O1 -g -fsanitize=thread -pthread -Wall -Wextra'.split(' ');
  const sources = ['test/native/threads/watcher.cc', 'native/src/watcher.cc'];
  run(compiler(), [...flags, '-o', program, ...sources]);
  run(program, [], { env: { ...process.env, TSAN_OPTIONS: 'halt_on_error=1' } });
}

/** A copy of the project with an addon of its own, so that the usual one stays. */
function copyProject() {
  const copy = join(root, '.cache/asan');
  for (const path of NEEDED) {
    rmSync(join(copy, path), { recursive: true, force: true });
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  const modules = join(copy, 'node_modules');
  if (!existsSync(modules)) symlinkSync(join(root, 'node_modules'), modules);
  return copy;
}

async function asan(tests) {
  const { buildCore } = await import('./build-core.mjs');
  await buildCore();
  const cwd = copyProject();
  const runtime = execFileSync(compiler(), ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  const CXXFLAGS =
    '-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined';
  run(process.execPath, ['scripts/native.mjs'], { cwd, env: { ...process.env, CXXFLAGS } });
  const env = {
    ...process.env,
    VFIO_PLAY_PRELOAD_FIRST: runtime.trim(),
    // V8 handles SIGSEGV for Wasm itself, and frees little of its own at the end.
    ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0:allow_user_segv_handler=1:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'native'];
  run(process.execPath, [...vitest, ...tests], { cwd, env });
}

try {
  installDependencies();
  const [which, ...tests] = process.argv.slice(2);
  if (which === 'tsan') tsan();
  else await asan(tests.length > 0 ? tests : TESTS);
} catch (error) {
  fail(error);
}
