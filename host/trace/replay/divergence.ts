import type { LineInfo } from '../../device/device-info';
import { VfioError } from '../../errors';

/** A line at the place of a divergence. */
export type LineState = Pick<
  LineInfo,
  'index' | 'state' | 'up' | 'armed' | 'maskRequested' | 'retrying' | 'stuck' | 'waiting'
>;

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
  ].join('\n');
}
