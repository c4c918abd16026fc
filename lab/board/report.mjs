// Prints what the guests report, as test runners do.

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
/** @param {number} code @param {string} text */
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const indented = (/** @type {string} */ text) => text.replace(/^/gm, '      ');

/** @typedef {import('../protocol').Report} Report */

/** All machines together. */
export class Summary {
  passed = 0;
  failed = 0;
  skipped = 0;
  #started = process.hrtime.bigint();
  /** @type {string[]} */
  #failures = [];

  /** What one machine reports. */
  machine() {
    return new MachineReport(this);
  }

  /** Counts a failure. @param {string} what */
  fail(what) {
    this.failed++;
    this.#failures.push(what);
  }

  /** The last lines. @returns {boolean} whether all is well */
  finish() {
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9;
    this.print('');
    for (const failure of this.#failures) this.print(paint(31, `failed: ${failure}`));
    if (this.passed + this.failed + this.skipped === 0)
      this.print(paint(31, 'no test has that name'));
    this.print(
      `lab: ${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped in ${seconds.toFixed(1)} s`,
    );
    return this.failed === 0 && this.passed > 0;
  }

  /** @param {string} text */
  print(text) {
    process.stdout.write(`${text}\n`);
  }
}

/** One machine. Prints a file of tests when it is through: another machine is at work, too. */
class MachineReport {
  /** Its tests are over. */
  ended = false;
  #summary;
  #file = '';
  /** @type {string[]} */
  #lines = [];
  /** Tests that have begun, by nesting, and how many of the suites among them have been printed. */
  #begun = [];
  #printed = '';

  /** @param {Summary} summary */
  constructor(summary) {
    this.#summary = summary;
  }

  /** What it has begun last, in words. */
  get at() {
    return [this.#file || 'the start', this.#begun.at(-1)].filter(Boolean).join(': ');
  }

  /** @param {Report} report */
  take(report) {
    switch (report.type) {
      case 'start':
        this.#lines.push(
          `Linux ${report.kernel}, Node ${report.node}, up after ${report.uptimeS} s`,
        );
        this.flush();
        break;
      case 'file':
        this.flush();
        this.#file = report.name;
        this.#printed = '';
        this.#begun = [];
        this.#lines.push(`\n${report.name}`);
        break;
      case 'begin':
        this.#begun.length = report.nesting;
        this.#begun.push(report.name);
        break;
      case 'test':
        this.#test(report);
        break;
      case 'note':
        this.#lines.push(indented(report.text));
        break;
      case 'end':
        this.ended = true;
        this.flush();
        break;
    }
  }

  /**
   * The machine is at its end, and should not be.
   * @param {string} why @param {string} said the end of what is on its console
   */
  lost(why, said) {
    const what = `${why} (at ${this.at})`;
    this.#lines.push(paint(31, what), 'the end of its console:', indented(said));
    this.flush();
    this.#summary.fail(what);
  }

  flush() {
    if (this.#lines.length > 0) this.#summary.print(this.#lines.splice(0).join('\n'));
  }

  /** @param {Extract<Report, { type: 'test' }>} report */
  #test({ name, nesting, suite, ms, passed, skipped, error, failureType }) {
    if (suite && passed && skipped === undefined) return;
    const suites = this.#begun.slice(0, nesting);
    if (suites.join('\n') !== this.#printed) {
      this.#printed = suites.join('\n');
      suites.forEach((each, depth) => {
        this.#lines.push(`${'  '.repeat(depth + 1)}${each}`);
      });
    }
    const title = `${'  '.repeat(nesting + 1)}${this.#mark(passed, skipped)} ${name}`;
    const time = paint(2, ` (${Math.round(ms)} ms)`);
    this.#lines.push(`${title}${skipped === undefined ? time : ` # skipped: ${skipped}`}`);
    if (skipped !== undefined) this.#summary.skipped++;
    else if (passed) this.#summary.passed++;
    // A suite that fails because of its tests is not counted, they are; its hooks fail it by themselves.
    else if (!suite || failureType !== 'subtestsFailed') {
      this.#summary.fail(`${this.#file}: ${name}`);
      this.#lines.push(indented(String(error)));
    }
  }

  /** @param {boolean} passed @param {string | undefined} skipped */
  #mark(passed, skipped) {
    if (skipped !== undefined) return paint(33, '-');
    return passed ? paint(32, '✓') : paint(31, '✗');
  }
}
