import { ABI_VERSION } from '../../../assembly/boundary/version';
import type { VfioHost } from '../../boundary/host';
import type { VfioPlatformDevice } from '../../device/device';
import { openDevice } from '../../device/open';
import { VfioError } from '../../errors';
import { isReplayFailure } from '../error-code';
import { type Checkpoint, decodeCheckpoint } from '../format/checkpoint';
import type { Trace, TraceCheckpoint } from '../format/trace';
import { type CoreReplayOptions, checkOptions, replayOptions } from './core-options';
import { guestRamOf } from './guest-ram';
import { noKernel, noSysfs } from './kernel';
import type { ReplaySession } from './session';
import { ReplayTap } from './tap';

/** What came of opening a recorded device again. */
export interface RecordedOpening {
  /** Undefined where the recorded opening failed. */
  readonly device: VfioPlatformDevice | undefined;
  readonly tap: ReplayTap | undefined;
}

/** Opens the device of a trace without machine and host. @throws DivergenceError; VfioError TRACE_* */
export async function openRecorded(
  session: ReplaySession,
  options: CoreReplayOptions,
): Promise<RecordedOpening> {
  const { trace } = session;
  const { header } = trace;
  checkOptions(trace);
  let tap: ReplayTap | undefined;
  const host: VfioHost = {
    kernel: noKernel([session]),
    sysfs: noSysfs,
    tap: {
      tap(resolved) {
        tap = new ReplayTap(session, resolved);
        return tap;
      },
    },
  };
  try {
    const device = await openDevice(
      options.through ? options.through(host) : host,
      replayOptions(trace),
      {
        clock: { nowNs: () => session.timeNs, setTimer: () => ({ cancel() {} }) },
        guestRam: header.guestRam.map((block) => ({ ...block, ...guestRamOf(block.size) })),
        ...(header.directMapping && { setDirectMapping: () => {} }),
        ...(header.irqchip && { vmFd: 0 }),
        ...(header.machine && {
          machine: { name: header.machine.name, capabilities: header.machine as never },
        }),
        ...(options.listener && { listener: options.listener }),
        ...(options.core && { core: options.core }),
      },
    );
    return { device, tap };
  } catch (error) {
    // Else the recorded opening failed in the same way.
    if (isReplayFailure(error) || !tap?.failedAsRecorded) throw error;
    return { device: undefined, tap };
  }
}

/**
 * Where a trimmed recording goes on behind its opening; undefined for a whole one.
 * @throws VfioError TRACE_UNSUPPORTED where it cannot be replayed
 */
export function startOfReplay(
  trace: Trace,
): { readonly place: TraceCheckpoint; readonly checkpoint: Checkpoint } | undefined {
  const how = trace.header.derived?.how;
  if (how === 'lines') {
    throw new VfioError(
      'TRACE_UNSUPPORTED',
      'the recording has some lines only, so it cannot be replayed; use the one it was made from',
    );
  }
  const [place] = trace.checkpoints;
  if (how !== 'window' || place === undefined) return undefined;
  return { place, checkpoint: decodeCheckpoint(trace.contents(place.chunk)) };
}

/** The error for a window that begins in a state which this release cannot take over. */
export function foreignStart({ abi }: Checkpoint): VfioError {
  return new VfioError(
    'TRACE_UNSUPPORTED',
    `the recording begins at a checkpoint of boundary version ${abi}, this release has ${ABI_VERSION}; ` +
      'trim the whole recording again',
  );
}
