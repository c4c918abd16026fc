import { MAX_NESTED_ACCESSES } from '../limits';
import { ACCESS_BUFFERS } from '../state/layout';
import { transient } from '../state/records';

/**
 * The data of an access lies in memory while the device is asked. A simulated
 * device may run callbacks that access it again, so each level of nesting has
 * a buffer of its own.
 */

/** Address of 8 bytes, or 0 when accesses are nested too deep; pair with leave(). */
export function enter(): u32 {
  const depth = transient.accessDepth;
  if (depth == <u32>MAX_NESTED_ACCESSES) return 0;
  transient.accessDepth = depth + 1;
  return ACCESS_BUFFERS + (depth << 3);
}

export function leave(): void {
  transient.accessDepth--;
}
