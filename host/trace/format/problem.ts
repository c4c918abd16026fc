import { VfioError } from '../../errors';

/** Bytes that are no trace, or not the whole of one. */
export function corrupt(what: string): VfioError {
  return new VfioError('TRACE_CORRUPT', `the trace is damaged: ${what}`);
}

/** A trace that this release cannot read, though it may be sound. */
export function unsupported(what: string, cause?: unknown): VfioError {
  return new VfioError(
    'TRACE_UNSUPPORTED',
    `this release cannot read the trace: ${what}; use the release that recorded it, or a later one`,
    { cause },
  );
}
