// The C side of the native benchmark: a program, and an addon with a thread.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const output = join(folder, '../../.cache/bench');
export const PROGRAM = join(output, 'native-c');
export const PROBE = join(output, 'probe.node');
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];

function compile(target, sources, flags) {
  const paths = sources.map((name) => join(folder, name));
  const changed = Math.max(
    ...[...paths, join(folder, 'signaller.h')].map((p) => statSync(p).mtimeMs),
  );
  if (existsSync(target) && statSync(target).mtimeMs > changed) return;
  mkdirSync(output, { recursive: true });
  execFileSync('gcc', [...FLAGS, ...flags, '-o', target, ...paths], { stdio: 'inherit' });
}

/** @returns why it cannot be built, or undefined */
export function buildNativeBaseline() {
  const headers = join(dirname(dirname(process.execPath)), 'include/node');
  if (!existsSync(join(headers, 'uv.h'))) return `there is no uv.h in ${headers}`;
  compile(PROGRAM, ['baseline.c', 'signaller.c'], []);
  const api = dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json'));
  compile(
    PROBE,
    ['probe.c', 'signaller.c'],
    [...['-shared', '-fPIC', '-DNAPI_VERSION=8', `-I${join(api, 'include')}`, `-I${headers}`]],
  );
  return undefined;
}
