import type { VfioHost } from '../../boundary/host';
import { VfioError } from '../../errors';
import type { ResolvedOptions } from '../../options/options';
import { Trace } from '../format/trace';
import type { Divergence } from './divergence';
import { noKernel, noSysfs } from './kernel';
import { locateInMachine } from './locate';
import { MachineReplayTap } from './machine-tap';
import { ReplaySession } from './session';
import { RecordedTogether } from './together';

/** How a machine is run on recordings. */
export interface ReplayHostOptions {
  /**
   * Also replay recordings of DMA at sync points, and of machines that do not
   * promise the same run twice. One whose time is that of a wall clock diverges
   * at its first call all the same.
   */
  readonly force?: boolean;
}

/** A host whose devices are recordings. */
export interface ReplayHost extends VfioHost {
  /** Whether every recording has been replayed to its end, or one of them to where it was cut off. */
  readonly ended: boolean;
  /**
   * The recording that was cut off first, once it has no whole call left: the run
   * cannot go on without its device. The next call of any device then throws
   * TRACE_ENDED, with the name of this one.
   */
  readonly endedBy: Trace | undefined;
  /**
   * @throws VfioError TRACE_DIVERGED when a recording has more than what happened;
   *   where one of them was cut off here, when one has more before that
   */
  finish(): void;
  /**
   * Finds out between which checkpoints of the recording a divergence came about,
   * and what of the core's state is not as it was recorded.
   */
  locate(divergence: Divergence): Promise<Divergence>;
}

/** One recording that a machine runs on. */
export interface MachineReplay {
  readonly session: ReplaySession;
  /** Undefined until the machine opens the device. */
  tap: MachineReplayTap | undefined;
}

/**
 * A host for openDevice() and plug() on which the devices of these recordings
 * do what they did, at the same places of the guest's run, bit for bit. Needs a
 * machine that is deterministic, with the same guest; what the guest does
 * otherwise than recorded is thrown as DivergenceError out of the access.
 *
 * What whoever ran the machine called on a device (reset(), maskLine(), pause(),
 * snapshot(), unplug() and the like) is not repeated: make these calls again at
 * their guest times, or the replay diverges there. A MachineDebugger makes them
 * from the recording: seek(Infinity) runs it to its end.
 *
 * @throws VfioError TRACE_NOT_DETERMINISTIC
 */
export function replayHost(
  traces: Trace | readonly Trace[],
  options: ReplayHostOptions = {},
): ReplayHost {
  return replayMachine(traces instanceof Trace ? [traces] : traces, options).host;
}

/** The same, with what the host is made of. */
export function replayMachine(
  traces: readonly Trace[],
  options: ReplayHostOptions,
): { readonly host: ReplayHost; readonly replays: readonly MachineReplay[] } {
  const byName = new Map<string, MachineReplay>();
  for (const trace of traces) {
    checkMachine(trace, options);
    const { name } = trace.header.device;
    if (byName.has(name)) {
      throw new VfioError('OPTION_INVALID', `two of the recordings are of ${name}`);
    }
    byName.set(name, { session: new ReplaySession(trace), tap: undefined });
  }
  const replays = [...byName.values()];
  const sessions = replays.map(({ session }) => session);
  const together = new RecordedTogether(sessions);
  for (const session of sessions) session.together = together;
  if (replays.length === 0) {
    throw new VfioError('OPTION_INVALID', 'there is no recording to replay');
  }
  const host: ReplayHost = {
    kernel: noKernel(sessions),
    sysfs: noSysfs,
    tap: {
      tap(resolved) {
        const name = nameOf(resolved);
        const replay = byName.get(name);
        if (replay === undefined) {
          const names = [...byName.keys()].join(', ');
          throw new VfioError(
            'DEVICE_NOT_FOUND',
            `there is no recording of ${name}, only of ${names}`,
          );
        }
        replay.tap = new MachineReplayTap(replay.session, resolved);
        return replay.tap;
      },
    },
    get ended() {
      return together.ended !== undefined || sessions.every(({ ended }) => ended);
    },
    get endedBy() {
      return together.ended?.trace;
    },
    finish() {
      const clock = sessions.find(({ nowNs }) => nowNs !== undefined)?.nowNs;
      const until = together.ended && clock ? clock() : Number.POSITIVE_INFINITY;
      const missed = together.missedBefore(until);
      if (missed) throw missed.diverged('the end of the run');
    },
    async locate(divergence) {
      const replay = replays.find(({ session }) => session.divergence === divergence);
      return replay === undefined ? divergence : await locateInMachine(replay, divergence);
    },
  };
  return { host, replays };
}

function nameOf({ host, sysfsdev, fd }: ResolvedOptions): string {
  if (fd !== undefined) return 'fd';
  if (sysfsdev === undefined) return host ?? '';
  return sysfsdev.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

function checkMachine({ header }: Trace, { force = false }: ReplayHostOptions): void {
  const { machine, device, dma } = header;
  const refuse = (why: string, also = '') =>
    new VfioError(
      'TRACE_NOT_DETERMINISTIC',
      `${device.name}: ${why}; use replayCore() or replayDevice()${also}`,
      { device: device.name },
    );
  const how = header.derived?.how;
  if (how === 'window' || how === 'lines' || how === 'minimize') {
    throw refuse('it is a part of a recording, and a machine starts at the start');
  }
  if (force) return;
  if (machine?.deterministic === false) {
    throw refuse(`it was recorded on ${machine.name}, which does not run the same way twice`);
  }
  if (dma === 'at-sync') throw refuse('its DMA was recorded at sync points only', ', or set force');
}
