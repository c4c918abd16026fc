import { VfioError } from '../../errors';
import type { Trace, TraceCheckpoint } from '../format/trace';

/**
 * Refuses a trace of which no part can be made.
 * @throws VfioError TRACE_UNSUPPORTED
 */
export function checkSource(trace: Trace, step: 'trimmed' | 'minimized'): void {
  const { derived, device } = trace.header;
  if (derived?.how !== 'lines') return;
  throw new VfioError(
    'TRACE_UNSUPPORTED',
    `${device.name}: the recording has some lines only, so it cannot be ${step}; ` +
      `use the one it was made from (${derived.uuid})`,
    { device: device.name },
  );
}

/** The checkpoint from which a window goes on behind its opening; undefined when it is none. */
export function startOfWindow(trace: Trace): TraceCheckpoint | undefined {
  return trace.header.derived?.how === 'window' ? trace.checkpoints[0] : undefined;
}
