import { errorCodes, VfioError, type VfioErrorCode } from '../../errors';

/** Stands for an error of somebody else's that was thrown when it was recorded. */
export class ReplayedError extends Error {
  override readonly name = 'ReplayedError';
}

/** What `by` threw when it was recorded. @param code as the trace has it */
export function replayedError(by: 'the host' | 'the machine', code: string): Error {
  const message = `${by} threw an error here when this was recorded`;
  const known = errorCodes.find((each) => each === code);
  // Those of a trace would be taken for errors of this replay.
  if (known === undefined || isOfTrace(known)) return new ReplayedError(message);
  return new VfioError(known, message);
}

function isOfTrace(code: VfioErrorCode): boolean {
  return code.startsWith('TRACE_');
}

/** Whether an error is the replay's own, not one of the device. */
export function isReplayFailure(error: unknown): boolean {
  return error instanceof VfioError && isOfTrace(error.code);
}
