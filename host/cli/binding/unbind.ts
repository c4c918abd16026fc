import { findHolders, type Holder, nameHolders } from '../devices/holders';
import { type HostDevice, isVfioBound, vfioDriver } from '../devices/host-device';
import type { HostSystem, Terminal } from '../environment';
import { CommandError } from '../failure';
import { HOLDER_POLL_MS } from '../limits';
import { checkAttributes } from './bind';
import { type DriverState, stateOf } from './driver-state';
import { again, moveTo } from './move';
import { DriverRecords } from './records';
import { changeOrRestore, stopAt } from './undo';

export interface UnbindOptions {
  /** Do not wait for the device to be closed: the kernel will. */
  readonly force: boolean;
  /** Milliseconds to wait until the device is closed. */
  readonly timeoutMs: number;
}

export interface UnbindOutcome {
  readonly device: HostDevice;
  /** What has been restored; undefined when nothing was remembered and the kernel chose. */
  readonly restored: DriverState | undefined;
}

/** @throws CommandError WRONG_DRIVER when there is nothing to unbind */
function checkBound(
  device: HostDevice,
  recorded: DriverState | undefined,
  records: DriverRecords,
): void {
  if (isVfioBound(device)) return;
  // What was killed in the middle, or given up while the kernel went on, leaves a record:
  // a bind with or without the driver taken away already, an unbind without a driver.
  const reserved = device.driverOverride === vfioDriver(device.bus);
  if (recorded !== undefined && (device.driver === undefined || reserved)) return;
  if (device.driver === undefined && records.unbindBegun(device)) return;
  const has = device.driver === undefined ? 'has no driver' : `belongs to ${device.driver}`;
  throw new CommandError(
    'WRONG_DRIVER',
    `${device.name} ${has}, not to ${vfioDriver(device.bus)}`,
    {
      device: device.name,
      remedy: 'There is nothing to unbind.',
    },
  );
}

/** Waits until nobody has the device open. @throws CommandError IN_USE, INTERRUPTED */
async function waitForHolders(
  system: HostSystem,
  terminal: Terminal,
  device: HostDevice,
  timeoutMs: number,
): Promise<readonly Holder[]> {
  const alive = stopAt(terminal, device);
  const startMs = terminal.nowMs();
  let told = false;
  for (;;) {
    alive();
    const { holders } = findHolders(system.files, system.pid, device);
    const sure = holders.filter(({ hold }) => hold === 'device');
    if (sure.length === 0) return holders;
    const leftMs = timeoutMs - (terminal.nowMs() - startMs);
    if (leftMs <= 0) {
      throw new CommandError(
        'IN_USE',
        `${device.name} is held open by ${nameHolders(sure)}; gave up after ${timeoutMs / 1000} s, nothing has changed`,
        {
          device: device.name,
          remedy:
            'Close the device there or end the process, or wait longer with --timeout. ' +
            '(Linux unbinds an open device only when it is closed, and then cannot be stopped.)',
        },
      );
    }
    if (!told) {
      terminal.error(`waiting for ${nameHolders(sure)} to close ${device.name}\n`);
      told = true;
    }
    await terminal.sleep(Math.min(HOLDER_POLL_MS, leftMs));
  }
}

/** Names who may be in the way when the kernel does not finish. */
function explainPending(error: unknown, holders: readonly Holder[], device: HostDevice): unknown {
  if (!(error instanceof CommandError) || error.code !== 'TIMED_OUT') return error;
  const who =
    holders.length > 0
      ? `Perhaps ${nameHolders(holders)} has it open`
      : 'Something that /proc does not show has it open';
  return new CommandError('TIMED_OUT', error.message, {
    device: device.name,
    remedy: `${who}; the kernel unbinds it when it is closed. Then run this again.`,
    cause: error,
  });
}

/**
 * Takes the device from its VFIO driver and gives it back what it had before
 * `bind`; where nothing is remembered the kernel chooses a driver.
 *
 * @throws CommandError
 */
export async function unbindDevice(
  system: HostSystem,
  terminal: Terminal,
  device: HostDevice,
  { force, timeoutMs }: UnbindOptions,
): Promise<UnbindOutcome> {
  const records = new DriverRecords(system.records);
  const recorded = records.load(device);
  checkBound(device, recorded, records);
  checkAttributes(system, device);
  const holders = force
    ? findHolders(system.files, system.pid, device).holders
    : await waitForHolders(system, terminal, device, timeoutMs);

  const before = stateOf(device);
  const alive = stopAt(terminal, device);
  const atLeastMs = Math.max(timeoutMs, 1000);
  // A driver of the host that still has the device keeps it.
  const keeps = device.driver !== undefined && !isVfioBound(device);
  const restored = recorded && keeps ? { ...recorded, driver: device.driver } : recorded;
  const target = restored ?? { driver: undefined, override: undefined };
  // Should the kernel finish only after we gave up, another unbind may go on from there.
  // Without the record everything works but that.
  const begins = recorded === undefined && !records.unbindBegun(device);
  if (begins) records.beginUnbind(device);
  const change = async () => {
    if (!keeps) {
      await moveTo(system, device, { ...target, driver: undefined }, alive, atLeastMs);
    }
    alive();
    if (restored === undefined) {
      // Whether a driver wants it or not, it is free.
      await system.writer.write(`/sys/bus/${device.bus}/drivers_probe`, device.name, atLeastMs);
    } else {
      await moveTo(system, device, target, alive);
    }
  };
  try {
    await change();
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'INTERRUPTED') {
      throw explainPending(error, holders, device);
    }
    try {
      await changeOrRestore(system, device, before, () => Promise.reject(error));
    } catch (outcome) {
      const restored = outcome instanceof CommandError && outcome.code === 'INTERRUPTED';
      if (begins && restored) records.remove(device);
      throw outcome;
    }
  }
  records.remove(device);
  return { device: again(system, device), restored };
}
