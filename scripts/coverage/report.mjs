/**
 * Statement coverage of the AssemblyScript sources, part 2: hits to percent
 * and missed lines.
 *
 * Command line: node scripts/coverage/report.mjs <statements.json> <hits.json>...
 *   [--threshold <percent>]    exits 1 below it
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {import('./instrument.mjs').Statement} Statement
 * @typedef {ArrayLike<number> | Record<string, number>} Hits count of each statement id
 *
 * @typedef {object} FileCoverage
 * @property {string} file
 * @property {number} covered
 * @property {number} total
 * @property {number} percent
 * @property {number[]} missed lines on which a statement starts that never ran
 */

export const DEFAULT_THRESHOLD = 95;

/**
 * @param {{ statements: Statement[], hits: Hits, threshold?: number }} options
 * @returns {{ files: FileCoverage[], covered: number, total: number, percent: number,
 *   ok: boolean, text: string }} ok: the percent of all files together reaches the threshold
 */
export function report({ statements, hits, threshold = DEFAULT_THRESHOLD }) {
  /** @type {Map<string, Statement[]>} */
  const byFile = new Map();
  for (const statement of statements) {
    const list = byFile.get(statement.file);
    if (list) list.push(statement);
    else byFile.set(statement.file, [statement]);
  }

  const counts = /** @type {Record<string, number>} */ (hits);
  /** @type {FileCoverage[]} */
  const files = [];
  /** @type {string[]} */
  const rows = [];
  const width = Math.max(5, ...[...byFile.keys()].map((file) => file.length));
  let covered = 0;
  for (const [file, all] of byFile) {
    const missed = all.filter(({ id }) => !counts[id]);
    const hit = all.length - missed.length;
    covered += hit;
    const percent = percentOf(hit, all.length);
    const lines = [...new Set(missed.map(({ line }) => line))];
    files.push({ file, covered: hit, total: all.length, percent, missed: lines });
    rows.push(`${row(file, hit, all.length, percent, width)}  ${ranges(missed)}`.trimEnd());
  }

  const total = statements.length;
  const percent = percentOf(covered, total);
  // Nothing measured is not full coverage: it is a broken run.
  const ok = total > 0 && percent >= threshold;
  rows.push(row('total', covered, total, percent, width));
  rows.push(ok ? `at least ${threshold} %: ok` : `below ${threshold} %: failed`);
  return { files, covered, total, percent, ok, text: rows.join('\n') };
}

/**
 * Adds up the hits of several runs.
 *
 * @param {number} count number of statements
 * @param {Hits[]} runs
 * @returns {number[]}
 */
export function sumHits(count, runs) {
  /** @type {number[]} */
  const sum = new Array(count).fill(0);
  for (const run of runs) {
    for (const [id, hits] of Object.entries(run)) {
      const before = sum[Number(id)];
      // Hits of another build would be counted for the wrong lines.
      if (before === undefined) throw new Error(`coverage: no statement ${id} of ${count}`);
      sum[Number(id)] = before + hits;
    }
  }
  return sum;
}

/**
 * @param {number} covered
 * @param {number} total
 */
function percentOf(covered, total) {
  return total === 0 ? 100 : (100 * covered) / total;
}

/**
 * @param {string} name
 * @param {number} covered
 * @param {number} total
 * @param {number} percent
 * @param {number} width
 */
function row(name, covered, total, percent, width) {
  // Rounded down: 99.96 % must not read as 100.
  const shown = (Math.floor(percent * 10) / 10).toFixed(1);
  return `${name.padEnd(width)}  ${`${covered}/${total}`.padStart(9)}  ${shown.padStart(5)} %`;
}

/**
 * @param {Statement[]} missed in source order
 * @returns {string} e.g. "7, 12-15"
 */
function ranges(missed) {
  /** @type {[number, number][]} */
  const spans = [];
  for (const { line, endLine } of missed) {
    const last = spans.at(-1);
    if (last && line <= last[1] + 1) last[1] = Math.max(last[1], endLine);
    else spans.push([line, endLine]);
  }
  return spans
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    .join(', ');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const option = args.indexOf('--threshold');
  const threshold = option < 0 ? DEFAULT_THRESHOLD : Number(args.splice(option, 2)[1]);
  const [mapFile, ...hitFiles] = args;
  if (!mapFile || hitFiles.length === 0 || Number.isNaN(threshold)) {
    console.error('usage: report.mjs <statements.json> <hits.json>... [--threshold <percent>]');
    process.exit(2);
  }
  const read = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8'));
  const statements = read(mapFile);
  const hits = sumHits(statements.length, hitFiles.map(read));
  const result = report({ statements, hits, threshold });
  console.log(result.text);
  process.exit(result.ok ? 0 : 1);
}
