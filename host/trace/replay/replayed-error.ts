import { errorCodes, VfioError } from '../../errors';
import { isOfTrace } from '../error-code';

/** Stands for an error of somebody else's that was thrown when it was recorded. */
export class ReplayedError extends Error {
  override readonly name = 'ReplayedError';
}

/** What `by` threw when it was recorded. @param code as the trace has it */
export function replayedError(by: 'the host' | 'the machine', code: string): Error {
  const message = `${by} threw an error here when this was recorded`;
  const known = errorCodes.find((each) => each === code);
  if (known === undefined || isOfTrace(known)) return new ReplayedError(message);
  return new VfioError(known, message);
}
