import { VfioError, type VfioErrorCode } from '../errors';

/** Whether an error is of a trace or its replay, not of a device. */
export function isReplayFailure(error: unknown): boolean {
  return error instanceof VfioError && isOfTrace(error.code);
}

export function isOfTrace(code: VfioErrorCode): boolean {
  return code.startsWith('TRACE_');
}

/**
 * The code that a trace has for an error: '' for one that is not of this package, and for
 * those of traces, such as of a replay that stood for a device: no device throws them.
 */
export function recordedCode(error: unknown): string {
  return error instanceof VfioError && !isOfTrace(error.code) ? error.code : '';
}
