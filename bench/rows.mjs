/**
 * Rows of the benchmark: two alternatives measured in turn, medians, a goal.
 *
 * The alternatives alternate (ours, baseline, ours, baseline, ...), so that a
 * machine that slows down or speeds up meanwhile changes both alike. In every
 * unit less is better: ns, bytes, calls.
 */

/**
 * @typedef {object} Sample
 * @property {number} median
 * @property {number} min
 * @property {number} max
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} unit
 * @property {Sample} ours
 * @property {Sample} baseline
 * @property {number} ratio ours / baseline, of the medians or the median of pairs: 0.5 is half
 * @property {number | null} goal the most that ratio may be; null: compared without a goal
 * @property {boolean} ok true without a goal
 *
 * @typedef {() => number | Promise<number>} Measure one repetition, in the row's unit
 */

/**
 * @param {number[]} values
 * @returns {number}
 */
export function median(values) {
  if (values.length === 0) throw new Error('bench: the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted.length >> 1;
  const lower = (sorted.length - 1) >> 1;
  return (Number(sorted[lower]) + Number(sorted[upper])) / 2;
}

/**
 * @param {number[]} values
 * @returns {Sample}
 */
export function sample(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * @param {{ name: string, unit: string, ours: number[], baseline: number[],
 *   goal?: number | null, paired?: boolean }} values of all repetitions. paired: those of one
 *   index were measured right after one another, and the ratio is the median of their ratios,
 *   which a machine that runs at two speeds does not change
 * @returns {Row}
 */
export function row({ name, unit, ours, baseline, goal = null, paired = false }) {
  const a = sample(ours);
  const b = sample(baseline);
  const ratio = paired
    ? median(ours.map((value, i) => value / Number(baseline[i])))
    : a.median / b.median;
  // Not `!(ratio > goal)`: a ratio that is not a number reaches no goal.
  return { name, unit, ours: a, baseline: b, ratio, goal, ok: goal === null || ratio <= goal };
}

/**
 * @param {{ ours: Measure, baseline: Measure, repetitions?: number, warmUp?: number }} options
 *   warmUp: repetitions of each that are thrown away
 * @returns {Promise<{ ours: number[], baseline: number[] }>}
 */
export async function interleave({ ours, baseline, repetitions = 9, warmUp = 2 }) {
  /** @type {{ ours: number[], baseline: number[] }} */
  const values = { ours: [], baseline: [] };
  for (let i = 0; i < warmUp + repetitions; i++) {
    const a = await ours();
    const b = await baseline();
    if (i < warmUp) continue;
    values.ours.push(a);
    values.baseline.push(b);
  }
  return values;
}

/**
 * Measures both alternatives and makes the row.
 *
 * @param {{ name: string, unit: string, goal?: number | null, ours: Measure, baseline: Measure,
 *   repetitions?: number, warmUp?: number }} options
 * @returns {Promise<Row>}
 */
export async function compare({ name, unit, goal = null, ...alternatives }) {
  return row({ name, unit, goal, paired: true, ...(await interleave(alternatives)) });
}

const NAME_WIDTH = 28;
const SAMPLE_WIDTH = 23;

/**
 * @param {Row[]} rows
 * @returns {string} a table of at most 99 columns
 */
export function table(rows) {
  const lines = [
    cells('', 'ours (min..max)', 'baseline (min..max)', 'ratio', 'goal', ''),
    ...rows.map((each) =>
      cells(
        fit(`${each.name}, ${each.unit}`, NAME_WIDTH),
        spread(each.ours),
        spread(each.baseline),
        each.ratio.toFixed(2),
        each.goal === null ? '-' : each.goal.toFixed(2),
        each.goal === null ? '' : each.ok ? 'ok' : 'MISS',
      ),
    ),
  ];
  return lines.join('\n');
}

/**
 * @param {string} name
 * @param {string} ours
 * @param {string} baseline
 * @param {string} ratio
 * @param {string} goal
 * @param {string} ok
 */
function cells(name, ours, baseline, ratio, goal, ok) {
  return [
    name.padEnd(NAME_WIDTH),
    ours.padStart(SAMPLE_WIDTH),
    baseline.padStart(SAMPLE_WIDTH),
    ratio.padStart(6),
    goal.padStart(5),
    ok,
  ]
    .join('  ')
    .trimEnd();
}

/** @param {Sample} values */
function spread({ median, min, max }) {
  return `${short(median)} (${short(min)}..${short(max)})`;
}

/**
 * Three significant digits are more than a benchmark gives.
 * @param {number} value
 */
function short(value) {
  if (Math.abs(value) >= 1e6) return value.toExponential(1);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/**
 * @param {string} text
 * @param {number} width
 */
function fit(text, width) {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
