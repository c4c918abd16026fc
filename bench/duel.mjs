// Two programs that measure in turn, a few milliseconds each: what slows the
// machine down for longer than that, such as the neighbour of a virtual
// processor, slows both.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Start-ups: how an engine compiles, and where memory lies, differs from one to the next. */
const PAIRS = 5;
/** Of each pair. */
const TURNS = 41;
/** More than any turn takes, the first with its start included. */
const PATIENCE_MS = 120_000;
/** The processor on which both measure. */
const PROCESSOR = '1';

/** A program that answers each line on its standard input with a number. */
class Contestant {
  /** @param {readonly string[]} command */
  constructor([program, ...args]) {
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.failed = new Promise((_, reject) => {
      const fail = (/** @type {Error} */ error) =>
        reject(new Error(`bench: ${[program, ...args].join(' ')}: ${error.message}`));
      this.child.on('error', fail);
      this.child.stdin.on('error', fail);
    });
    // It is looked at in each turn; between them nobody waits for it.
    this.failed.catch(() => {});
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  /**
   * Its main thread, which measures, keeps to one processor from now on. Those that
   * an engine has started for its own work, by now, do not: it would work otherwise.
   */
  settle() {
    const { pid } = this.child;
    // Where there is no such command, it is measured wherever it happens to run.
    if (pid !== undefined) spawnSync('taskset', ['-cp', PROCESSOR, String(pid)]);
  }

  /** @returns {Promise<number>} */
  async turn() {
    const timer = setTimeout(() => this.child.kill(), PATIENCE_MS);
    this.child.stdin.write('\n');
    const { value, done } = await Promise.race([this.lines.next(), this.failed]);
    clearTimeout(timer);
    if (done) throw new Error(`bench: ${this.child.spawnargs.join(' ')} ended`);
    return Number(value);
  }

  end() {
    this.child.stdin.end();
    this.child.kill();
  }
}

/**
 * @param {{ ours: readonly string[], baseline: readonly string[], pairs?: number, turns?: number }}
 *   commands of programs as described above
 * @returns {Promise<{ ours: number[], baseline: number[] }>} all that they have measured
 */
export async function duel({ ours, baseline, pairs = PAIRS, turns = TURNS }) {
  /** @type {{ ours: number[], baseline: number[] }} */
  const values = { ours: [], baseline: [] };
  for (let pair = 0; pair < pairs; pair++) {
    const one = new Contestant(ours);
    const other = new Contestant(baseline);
    try {
      for (const contestant of [one, other]) {
        // The first turn includes the start.
        await contestant.turn();
        contestant.settle();
      }
      for (let turn = 0; turn < turns; turn++) {
        values.ours.push(await one.turn());
        values.baseline.push(await other.turn());
      }
    } finally {
      one.end();
      other.end();
    }
  }
  return values;
}
