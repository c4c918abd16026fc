import { VfioError } from '../../errors';
import type { Trace } from '../format/trace';

/** A recording that goes no further, and when its last event was. */
interface Ended {
  readonly trace: Trace;
  readonly timeNs: number;
}

/** The error of what would come behind the end of a recording that was cut off. */
export function endedError({ trace, timeNs }: Ended): VfioError {
  const { name } = trace.header.device;
  const why = trace.cut ? `: ${trace.cut.reason}` : '';
  return new VfioError('TRACE_ENDED', `${name}: the recording ends here, at ${timeNs} ns${why}`, {
    device: name,
  });
}
