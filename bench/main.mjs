// npm run bench: the plugin against the C baseline, in the same run.
// --json prints the rows as one array.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { allocation, child, instantiation, residentPerDevice } from './footprint.mjs';
import { compare, row, table } from './rows.mjs';
import { traceRows } from './trace.mjs';

const C_PROGRAM = '.cache/bench/bench-c';
const MAX_CORE_BYTES = 24 * 1024;
/** Ten million interrupts; what the measurement itself leaves behind stays below. */
const MAX_GARBAGE_BYTES = 64 * 1024;
const MAX_INSTANTIATION_MS = 10;
const MAX_RESIDENT_KIB = 256;

/**
 * One repetition of the C program in ns an operation.
 * @param {'baseline' | 'best'} variant
 * @param {number} lines
 * @param {'edge' | 'level'} trigger
 * @param {number} idleThreads
 */
function runC(variant, lines, trigger, idleThreads) {
  const iterations = lines > 16 ? 200_000 : 2_000_000;
  const args = ['run', variant, lines, trigger, iterations, 1, idleThreads].map(String);
  return JSON.parse(execFileSync(C_PROGRAM, args, { encoding: 'utf8' })).ns[0];
}

/** Signal + trapped access with EOI; each repetition of ours and of C in a process of its own. */
async function interruptRows() {
  const rows = [];
  for (const { lines, goal } of [
    { lines: 1, goal: 0.6 },
    { lines: 256, goal: 0.05 },
  ]) {
    for (const trigger of /** @type {const} */ (['edge', 'level'])) {
      const name = `${lines} ${trigger}`;
      const c = (variant, threads) => () => runC(variant, lines, trigger, threads);
      const ours = (way) => () => child('interrupts', String(lines), trigger, way);
      const measured = async (what, goalOfRow, way, baseline) =>
        rows.push(
          await compare({
            name: what,
            unit: 'ns',
            goal: goalOfRow,
            ours: ours(way),
            baseline,
            repetitions: 5,
            warmUp: 1,
          }),
        );
      await measured(`interrupt, ${name}`, goal, 'direct', c('baseline', 1));
      await measured(`${name}, 1 thread C`, goal, 'direct', c('baseline', 0));
      await measured(`${name}, best C`, null, 'direct', c('best', 0));
      await measured(`${name}, by doorbell`, null, 'doorbell', c('baseline', 1));
    }
  }
  return rows;
}

/** A figure with an upper limit instead of a competitor. */
function limitRow(name, unit, values, limit) {
  return row({ name, unit, ours: values, baseline: [limit], goal: 1 });
}

export async function measure() {
  return [
    ...(await interruptRows()),
    limitRow('garbage of 1e7 interrupts', 'bytes', [allocation()], MAX_GARBAGE_BYTES),
    limitRow('core.wasm', 'bytes', [statSync('.cache/core/release.wasm').size], MAX_CORE_BYTES),
    limitRow('import + instantiate', 'ms', instantiation(), MAX_INSTANTIATION_MS),
    limitRow('resident per device', 'KiB', residentPerDevice(), MAX_RESIDENT_KIB),
    ...traceRows(),
  ];
}

const rows = await measure();
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  console.log(table(rows));
  console.log(`\n${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`);
}
