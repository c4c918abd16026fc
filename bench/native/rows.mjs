// The native host against C programs that do the same on the played kernel.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPreload } from '../../scripts/build-preload.mjs';
import { buildNative } from '../../scripts/native.mjs';
import { compare } from '../rows.mjs';
import { buildNativeBaseline, PROGRAM } from './build.mjs';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));

/** Rows of issue 3's speed goals, as [name, count, goal, what of ours, what of the baseline]. */
const ROWS = [
  ['eventfd to line up, p50', 1000, 1.2, ['js', 'latency'], ['c', 'latency']],
  ['the same by event loop, p50', 1000, 1.3, ['js', 'wake-up'], ['js', 'libuv']],
  // A rate of at least half: twice the time.
  ['sustained interrupts', 3000, 2, ['js', 'sustained'], ['c', 'sustained']],
  ['mapped register read', 5_000_000, 2, ['js', 'read'], ['js', 'empty']],
  // One after the other, as a CPU makes the loads of a device's memory; and of
  // ordinary memory, where it makes several at once.
  ['bare load in Wasm', 32_000_000, 1.3, ['js', 'load'], ['c', 'load']],
  ['bare loads, overlapping', 32_000_000, undefined, ['js', 'loads'], ['c', 'loads']],
  // As an emulator in C has threads; and without, though Node always has some.
  ['unmask', 400_000, 1.5, ['js', 'unmask'], ['c', 'unmask', 'threads']],
  ['unmask, 1 thread C', 400_000, undefined, ['js', 'unmask'], ['c', 'unmask']],
];

/** @returns {Promise<{ rows: import('../rows.mjs').Row[], missing?: string }>} */
export async function nativeRows() {
  const preload = buildPreload();
  const missing =
    ('reason' in preload ? preload.reason : undefined) ??
    (await buildNative()) ??
    buildNativeBaseline();
  if (missing !== undefined) return { rows: [], missing };
  const folder = mkdtempSync(join(tmpdir(), 'vfio-bench-'));
  const env = { ...process.env, LD_PRELOAD: preload.library, VFIO_PLAY_ROOT: folder };
  const measure = ([side, what, ...more], count) => {
    const [program, args] = side === 'c' ? [PROGRAM, []] : [process.execPath, [CHILD]];
    const options = { encoding: 'utf8', env };
    return () => Number(execFileSync(program, [...args, what, String(count), ...more], options));
  };
  const rows = [];
  try {
    for (const [name, count, goal, ours, baseline] of ROWS) {
      rows.push(
        await compare({
          ...{ name, unit: 'ns', goal, repetitions: 7, warmUp: 0 },
          ours: measure(ours, count),
          baseline: measure(baseline, count),
        }),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { rows };
}
