import { describe, test } from 'vitest';
import { nativeMissing } from './available';
import { PlayedKernel } from './played-kernel';

/** Why the native host cannot run on the played kernel here; undefined when it can. */
const missing: string | undefined = PlayedKernel.available
  ? nativeMissing()
  : (process.env.VFIO_PLAY_MISSING ?? 'the played kernel is not loaded');

/** Tests of the native host on the played kernel; skipped, with the reason, where that cannot be. */
export function describePlayed(name: string, body: () => void): void {
  if (missing === undefined) describe(name, body);
  else test.skip(`${name}: ${missing}`, () => {});
}
