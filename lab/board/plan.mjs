// Which tests are run, and in which order.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/** @typedef {import('../protocol').Task} Task */

/** What takes long is begun first, so that no machine is left with it alone at the end. */
const LONGEST_FIRST = [
  'firmware-v86',
  'command-line',
  'pl011',
  'agreement',
  'firmware-rp2040js',
  'interrupts',
  'command-line-checks',
  'command-line-guest',
];

/** @returns {string[]} names of the files of lab/tests */
function allFiles() {
  const names = readdirSync(join(root, 'lab/tests')).filter((name) => name.endsWith('.test.ts'));
  return names.map((name) => basename(name, '.test.ts'));
}

/** The files that are still to be run, by whichever machine is free. */
export class Plan {
  #files;
  /** @type {string | undefined} */
  #tests;

  /**
   * @param {string} only a part of a file's name, or several with commas between; or else of a test's
   * @param {readonly string[]} [all] the files that there are
   */
  constructor(only, all = allFiles()) {
    const parts = only.split(',').filter((part) => part !== '');
    const named = all.filter((file) => parts.some((part) => file.includes(part)));
    if (named.length === 0 && parts.length > 0) this.#tests = only;
    /** @param {string} file */
    const rank = (file) => (LONGEST_FIRST.indexOf(file) + 1 || LONGEST_FIRST.length + 1) - 1;
    this.#files = (named.length > 0 ? named : [...all]).sort((a, b) => rank(a) - rank(b));
  }

  /** How many files are left. */
  get size() {
    return this.#files.length;
  }

  /** What a machine that is free shall do. @returns {Task} */
  next() {
    return { file: this.#files.shift(), tests: this.#tests };
  }

  /** The files that no machine has taken; none is left then. @returns {string[]} */
  takeRest() {
    return this.#files.splice(0);
  }
}
