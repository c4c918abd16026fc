// Prints what the guest reports, as test runners do.

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
/** @param {number} code @param {string} text */
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

/** @typedef {import('../protocol').Report} Report */

export class Summary {
  passed = 0;
  failed = 0;
  skipped = 0;
  ended = false;
  #started = process.hrtime.bigint();
  /** @type {string[]} */
  #failures = [];
  #file = '';
  /** Tests that have begun, by nesting, and how many of the suites among them have been printed. */
  #begun = [];
  #printed = '';

  /** @param {string} line a report as JSON */
  take(line) {
    /** @type {Report} */
    const report = JSON.parse(line);
    switch (report.type) {
      case 'start':
        this.#print(`Linux ${report.kernel}, Node ${report.node}, up after ${report.uptimeS} s`);
        break;
      case 'file':
        this.#file = report.name;
        this.#printed = '';
        this.#print(`\n${report.name}`);
        break;
      case 'begin':
        this.#begun.length = report.nesting;
        this.#begun.push(report.name);
        break;
      case 'test':
        this.#test(report);
        break;
      case 'note':
        this.#print(report.text.replace(/^/gm, '      '));
        break;
      case 'end':
        this.ended = true;
        break;
    }
  }

  /** @param {Extract<Report, { type: 'test' }>} report */
  #test({ name, nesting, suite, ms, passed, skipped, error, failureType }) {
    if (suite && passed && skipped === undefined) return;
    const suites = this.#begun.slice(0, nesting);
    if (suites.join('\n') !== this.#printed) {
      this.#printed = suites.join('\n');
      suites.forEach((each, depth) => {
        this.#print(`${'  '.repeat(depth + 1)}${each}`);
      });
    }
    const title = `${'  '.repeat(nesting + 1)}${this.#mark(passed, skipped)} ${name}`;
    const time = paint(2, ` (${Math.round(ms)} ms)`);
    this.#print(`${title}${skipped === undefined ? time : ` # skipped: ${skipped}`}`);
    if (skipped !== undefined) this.skipped++;
    else if (passed) this.passed++;
    // A suite that fails because of its tests is not counted, they are; its hooks fail it by themselves.
    else if (!suite || failureType !== 'subtestsFailed') {
      this.failed++;
      this.#failures.push(`${this.#file}: ${name}`);
      this.#print(String(error).replace(/^/gm, '      '));
    }
  }

  /** @param {boolean} passed @param {string | undefined} skipped */
  #mark(passed, skipped) {
    if (skipped !== undefined) return paint(33, '-');
    return passed ? paint(32, '✓') : paint(31, '✗');
  }

  /** The last lines. @returns {boolean} whether all is well */
  finish() {
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9;
    const ok = this.ended && this.failed === 0 && this.passed > 0;
    this.#print('');
    for (const failure of this.#failures) this.#print(paint(31, `failed: ${failure}`));
    if (!this.ended) this.#print(paint(31, 'the guest ended before its tests did'));
    else if (this.passed + this.failed + this.skipped === 0)
      this.#print(paint(31, 'no test has that name'));
    this.#print(
      `lab: ${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped in ${seconds.toFixed(1)} s`,
    );
    return ok;
  }

  /** @param {string} text */
  #print(text) {
    process.stdout.write(`${text}\n`);
  }
}
