import type { HostDevice } from '../devices/host-device';
import type { HostSystem, Terminal } from '../environment';
import { CommandError } from '../failure';
import { type DriverState, describeDriver } from './driver-state';
import { moveTo } from './move';
import type { DriverRecords } from './records';

/** Throws INTERRUPTED once Ctrl-C has been pressed. */
export function stopAt(terminal: Terminal, device: HostDevice): () => void {
  return () => {
    if (!terminal.interrupted.aborted) return;
    throw new CommandError('INTERRUPTED', `${device.name}: interrupted`, { device: device.name });
  };
}

/**
 * Makes a change of drivers; when it fails or is interrupted on the way, the
 * device gets back what it had.
 *
 * @throws what the change threw, with what became of the device; RESTORE_FAILED
 *   when it could not be put back
 */
export async function changeOrRestore(
  system: HostSystem,
  device: HostDevice,
  before: DriverState,
  change: () => Promise<void>,
): Promise<void> {
  try {
    await change();
  } catch (error) {
    // The kernel is still busy with it: it can neither be stopped nor overtaken.
    if (error instanceof CommandError && error.code === 'TIMED_OUT') throw error;
    try {
      await moveTo(system, device, before);
    } catch (second) {
      throw restoreFailed(device, before, error, second);
    }
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(
      error.code,
      `${error.message}; it has its ${describeDriver(before.driver)} again, nothing has changed`,
      { device: device.name, errno: error.errno, remedy: error.remedy, cause: error },
    );
  }
}

function restoreFailed(
  device: HostDevice,
  before: DriverState,
  first: unknown,
  second: unknown,
): CommandError {
  const reason = second instanceof Error ? second.message : String(second);
  const began = first instanceof Error ? first.message : String(first);
  const back =
    before.driver === undefined
      ? `echo > ${device.path}/driver_override`
      : `echo ${device.name} > /sys/bus/${device.bus}/drivers/${before.driver}/bind`;
  return new CommandError(
    'RESTORE_FAILED',
    `${began}; and it could not be given back its ${describeDriver(before.driver)}: ${reason}`,
    {
      device: device.name,
      remedy: `Try 'vfio-wasm unbind ${device.name}', or by hand: ${back}`,
      cause: first,
    },
  );
}

/**
 * What `unbind` shall restore after a bind that begins now. What is recorded
 * counts while no driver of the host has the device. A device that a driver of
 * the host has and that is reserved for VFIO is in the middle of a bind: that
 * reservation is not what it had.
 */
export function originalState(
  records: DriverRecords,
  device: HostDevice,
  now: DriverState,
  vfio: string,
): DriverState {
  const recorded = records.load(device);
  const hostHasIt = now.driver !== undefined && now.driver !== vfio;
  if (!hostHasIt) return recorded ?? now;
  if (now.override !== vfio) return now;
  const override = recorded?.override;
  return { driver: now.driver, override: override === vfio ? undefined : override };
}
