import type { LineInfo } from '../../device/device-info';
import { VfioError } from '../../errors';
import { differenceText, type StateDifference } from './state-difference';

/** A line at the place of a divergence. */
export type LineState = Pick<
  LineInfo,
  'index' | 'state' | 'up' | 'armed' | 'maskRequested' | 'retrying' | 'stuck' | 'waiting'
>;

/** Where between the checkpoints of a recording a difference came about. */
export interface DivergenceInterval {
  /** Event of the last checkpoint at which the core's state was the recorded one; 0: the opening. */
  readonly from: number;
  /**
   * Event of the first checkpoint at which it was another one: the cause is before
   * it. Undefined: there is none before the difference itself.
   */
  readonly to: number | undefined;
  /**
   * Number of the first call after which the state is another one, where both
   * sides could be run from `from` on; undefined where they could not, and where
   * the state is the recorded one up to the difference.
   */
  readonly call: number | undefined;
  /** What of the state differs, at `call`, at `to` or at the difference. */
  readonly state: readonly StateDifference[];
  /** What is known of the state right before the difference. */
  readonly before: 'same' | 'other' | 'unknown';
}

/** The first difference between a recording and what happens now; plain data, for JSON. */
export interface Divergence {
  /** What the recording has; undefined when it ends here. */
  readonly expected: string | undefined;
  /** What happened instead. */
  readonly actual: string;
  /** Number of the event in the recording. */
  readonly event: number;
  /** Guest accesses before it. */
  readonly access: number;
  /** Machine time of the recording. */
  readonly timeNs: number;
  /** The last events of the recording before it, oldest first. */
  readonly before: readonly string[];
  /** All lines of the device as they are now; empty where it is not open. */
  readonly lines: readonly LineState[];
  /** Where it came about; undefined where nobody has looked, or the recording has no checkpoints. */
  readonly interval?: DivergenceInterval | undefined;
}

/** Thrown where a replay does not do what the recording says. */
export class DivergenceError extends VfioError {
  constructor(
    device: string,
    readonly divergence: Divergence,
  ) {
    const { expected, actual, event, access, timeNs } = divergence;
    const place = `event ${event}, access ${access}, ${timeNs} ns`;
    super(
      'TRACE_DIVERGED',
      `${device}: the replay differs from the recording at ${place}: ` +
        `expected ${expected ?? 'the end'}, got ${actual}`,
      { device },
    );
  }
}

/** A divergence as text for a terminal. */
export function divergenceText(divergence: Divergence): string {
  const { expected, actual, event, access, timeNs, before, lines } = divergence;
  const states = lines.map(
    ({ index, state, up, armed, waiting }) =>
      `  line ${index}: ${state}, ${up ? 'up' : 'down'}, armed: ${armed}` +
      (waiting > 0 ? `, ${waiting} waiting` : ''),
  );
  return [
    `first difference at event ${event}, access ${access}, ${timeNs} ns`,
    `  expected: ${expected ?? '(the recording ends)'}`,
    `  got:      ${actual}`,
    'events before it:',
    ...before.map((text) => `  ${text}`),
    ...(states.length > 0 ? ['lines:', ...states] : []),
    ...(divergence.interval ? intervalText(divergence.interval) : []),
  ].join('\n');
}

function intervalText({ from, to, call, state, before }: DivergenceInterval): string[] {
  const start = from === 0 ? 'the opening' : `the checkpoint at event ${from}`;
  const until = to === undefined ? 'this difference' : `the checkpoint at event ${to}`;
  const first = `between ${start} and ${until}`;
  const where = call === undefined ? first : `in the call at event ${call}, ${first}`;
  if (before === 'same' && state.length === 0) {
    return [`the core's state right before it is the recorded one (the same at ${start})`];
  }
  const what =
    state.length === 0 ? `the cause is ${where}` : `the core's state differs first ${where}:`;
  return [what, ...state.map((each) => `  ${differenceText(each)}`)];
}
