import { expect } from 'vitest';
import { VfioError } from '../../host/errors';

/** What an open is refused with. */
export async function refusal(opening: Promise<unknown>): Promise<VfioError> {
  const outcome = await opening.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(VfioError);
  return outcome as VfioError;
}

/** What a call is refused with. */
export function refused(call: () => unknown): VfioError {
  let outcome: unknown;
  try {
    call();
  } catch (error) {
    outcome = error;
  }
  expect(outcome).toBeInstanceOf(VfioError);
  return outcome as VfioError;
}
