// npm run bench: the plugin against the C baseline, in the same run.
// --json prints the rows as one array; --v86 measures v86 alone.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { duel } from './duel.mjs';
import {
  allocation,
  child,
  childCommand,
  firstDevice,
  instantiation,
  residentPerDevice,
} from './footprint.mjs';
import { nativeRows } from './native/rows.mjs';
import { compare, row, table } from './rows.mjs';
import { traceRows } from './trace.mjs';

const C_PROGRAM = '.cache/bench/bench-c';
const MAX_CORE_BYTES = 24 * 1024;
/** Ten million interrupts; what the measurement itself leaves behind stays below. */
const MAX_GARBAGE_BYTES = 64 * 1024;
const MAX_INSTANTIATION_MS = 10;
const MAX_RESIDENT_KIB = 256;
const MAX_V86_READ_RATIO = 1.5;

/** Interrupts of a turn, which takes some milliseconds. */
const COUNT = 200_000;
/** The C baseline looks at every line. */
const COUNT_OF_MANY = 20_000;

/**
 * The command of the C program; see bench/baseline/main.c.
 * @param {'run' | 'ask'} mode
 * @param {'baseline' | 'best'} variant
 * @param {number} lines
 * @param {'edge' | 'level'} trigger
 * @param {readonly number[]} numbers
 */
function cCommand(mode, variant, lines, trigger, ...numbers) {
  return [C_PROGRAM, mode, variant, String(lines), trigger, ...numbers.map(String)];
}

/** One repetition of the C program with one edge line, in ns an operation. */
function runC() {
  const [program, ...args] = cCommand('run', 'baseline', 1, 'edge', 2_000_000, 1, 1);
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })).ns[0];
}

/**
 * The three calls between JavaScript and Wasm that an interrupt of any plugin
 * like this one makes, with nothing behind them: the floor of the rows above.
 */
function crossingsRow() {
  return compare({
    name: 'calls alone, 1 edge',
    unit: 'ns',
    ours: () => child('crossings'),
    baseline: runC,
    repetitions: 5,
    warmUp: 1,
  });
}

/** Signal + trapped access with EOI. */
async function interruptRows() {
  const rows = [];
  for (const { lines, goal } of [
    { lines: 1, goal: 0.6 },
    { lines: 256, goal: 0.05 },
  ]) {
    for (const trigger of /** @type {const} */ (['edge', 'level'])) {
      const name = `${lines} ${trigger}`;
      const cCount = lines > 16 ? COUNT_OF_MANY : COUNT;
      const measured = async (what, goalOfRow, way, variant, threads) => {
        const values = await duel({
          ours: childCommand('interrupts', String(lines), trigger, way, String(COUNT)),
          baseline: cCommand('ask', variant, lines, trigger, cCount, threads),
        });
        rows.push(row({ name: what, unit: 'ns', goal: goalOfRow, paired: true, ...values }));
      };
      await measured(`interrupt, ${name}`, goal, 'direct', 'baseline', 1);
      await measured(`${name}, 1 thread C`, goal, 'direct', 'baseline', 0);
      await measured(`${name}, best C`, null, 'direct', 'best', 0);
      await measured(`${name}, by doorbell`, null, 'doorbell', 'baseline', 1);
    }
  }
  return rows;
}

/** A figure with an upper limit instead of a competitor. */
function limitRow(name, unit, values, limit) {
  return row({ name, unit, ours: values, baseline: [limit], goal: 1 });
}

/** Until there is a core, which has a goal, and until there is a device, beside it. */
function startRows() {
  const core = instantiation();
  const device = { unit: 'ms', ours: firstDevice(), baseline: core };
  return [
    limitRow('import + instantiate', 'ms', core, MAX_INSTANTIATION_MS),
    row({ name: 'import + first device', ...device }),
  ];
}

/** v86: a register through the plugin against one of v86's own devices; interrupts. */
async function v86Rows() {
  const values = (...args) => [0, 1, 2].map(() => child(...args));
  return [
    await compare({
      name: 'v86, register read',
      unit: 'ns',
      goal: MAX_V86_READ_RATIO,
      ours: () => child('v86Read', 'plugin'),
      baseline: () => child('v86Read', 'plain'),
      repetitions: 5,
      warmUp: 0,
    }),
    limitRow('v86, trigger to handler, busy, p50', 'ms', values('v86Latency', 'busy', '0.5'), 0.1),
    limitRow('v86, … halted, p50', 'ms', values('v86Latency', 'halted', '0.5'), 0.15),
    limitRow('v86, … halted, p99', 'ms', values('v86Latency', 'halted', '0.99'), 3),
    limitRow('v86, 200 000 in a store loop', 'raised/handled', [child('v86StoreLoop')], 1),
  ];
}

export async function measure() {
  if (process.argv.includes('--v86')) return v86Rows();
  return [
    ...(await interruptRows()),
    await crossingsRow(),
    limitRow('garbage of 1e7 interrupts', 'bytes', [allocation()], MAX_GARBAGE_BYTES),
    limitRow('core.wasm', 'bytes', [statSync('.cache/core/release.wasm').size], MAX_CORE_BYTES),
    ...startRows(),
    limitRow('resident per device', 'KiB', residentPerDevice(), MAX_RESIDENT_KIB),
    ...(await v86Rows()),
    ...traceRows(),
  ];
}

// npm run bench -- native: only those of the native host.
const rows = process.argv.includes('native') ? [] : await measure();
const native = await nativeRows();
rows.push(...native.rows);
if (native.missing) console.error(`Without the native host: ${native.missing}`);
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  console.log(table(rows));
  console.log(`\n${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`);
}
