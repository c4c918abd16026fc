import { errnoName } from '../../errors';
import { type HostDevice, isVfioBound, vfioDriver } from '../devices/host-device';
import { usesOf } from '../devices/uses';
import type { HostSystem, Terminal } from '../environment';
import { CommandError } from '../failure';
import { type DriverState, stateOf } from './driver-state';
import { again, moveTo } from './move';
import { DriverRecords } from './records';
import { changeOrRestore, originalState, stopAt } from './undo';

export interface BindOptions {
  /** Take the device although the host uses it. */
  readonly force: boolean;
  /** Accept a device that no IOMMU watches. */
  readonly noiommu: boolean;
}

export interface BindOutcome {
  readonly device: HostDevice;
  /** False when a VFIO driver had it already. */
  readonly changed: boolean;
  /** What `unbind` will restore. */
  readonly previous: DriverState | undefined;
}

const UNSAFE_MODE = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';

/** @throws CommandError NO_VFIO when the driver is not there */
function checkDriver(system: HostSystem, device: HostDevice): void {
  const driver = vfioDriver(device.bus);
  if (system.files.exists(`/sys/bus/${device.bus}/drivers/${driver}`)) return;
  throw new CommandError('NO_VFIO', `the driver ${driver} is not loaded`, {
    device: device.name,
    remedy:
      `As root: modprobe ${driver}` +
      (device.bus === 'platform'
        ? ' reset_required=0 (without it only devices with a reset bind)'
        : '') +
      "; 'vfio-wasm doctor' tells whether this kernel has it.",
  });
}

/** @throws CommandError when no IOMMU is behind the device and that is not accepted */
function checkIommu(system: HostSystem, device: HostDevice, accepted: boolean): void {
  if (device.group !== undefined && !device.noiommu) return;
  const mode = system.files.readText(UNSAFE_MODE)?.trim();
  if (mode === undefined || !/^[Y1]/.test(mode)) {
    throw new CommandError('NOIOMMU_DISABLED', `${device.name} is behind no IOMMU`, {
      device: device.name,
      remedy:
        mode === undefined
          ? 'The kernel has no VFIO no-IOMMU mode (CONFIG_VFIO_NOIOMMU, module vfio): it needs one that has, or an IOMMU.'
          : `As root, if you accept that guests can reach all of this machine's memory through DMA: echo Y > ${UNSAFE_MODE} (taints the kernel).`,
    });
  }
  if (accepted) return;
  throw new CommandError(
    'NOIOMMU_NOT_ALLOWED',
    `${device.name} is behind no IOMMU: a device that can do DMA could write anywhere in this machine`,
    { device: device.name, remedy: 'Give --noiommu if you accept that; it taints the kernel.' },
  );
}

/** @throws CommandError IN_USE */
function checkUses(system: HostSystem, device: HostDevice): void {
  const uses = usesOf(system.files, system.pid, device);
  if (uses.length === 0) return;
  throw new CommandError(
    'IN_USE',
    `${device.name} is in use: ${uses.map(({ text }) => text).join('; ')}`,
    {
      device: device.name,
      remedy: 'Stop that first, or give --force to take it away all the same.',
    },
  );
}

/** @throws CommandError NOT_PERMITTED, CANNOT_UNBIND, NO_VFIO */
export function checkAttributes(system: HostSystem, device: HostDevice): void {
  const override = `${device.path}/driver_override`;
  if (!system.files.exists(override)) {
    throw new CommandError('NO_VFIO', `${device.name} has no driver_override in sysfs`, {
      device: device.name,
      remedy: 'This kernel is too old for VFIO platform devices; it needs Linux 4.1 or newer.',
    });
  }
  const refused = system.files.access(override, 'write');
  if (refused !== 0) {
    throw new CommandError(
      'NOT_PERMITTED',
      `changing the driver of ${device.name} needs root (${override} says ${errnoName(refused)})`,
      { device: device.name, errno: refused, remedy: 'Run it again with sudo.' },
    );
  }
  const { driver, bus } = device;
  if (driver === undefined || system.files.exists(`/sys/bus/${bus}/drivers/${driver}/unbind`))
    return;
  throw new CommandError(
    'CANNOT_UNBIND',
    `${device.name}: its driver ${driver} does not allow unbinding (suppress_bind_attrs)`,
    {
      device: device.name,
      remedy:
        'Keep the driver from taking it at boot: blacklist its module, or for a built-in one ' +
        'use initcall_blacklist= on the kernel command line.',
    },
  );
}

/**
 * Gives the device to its VFIO driver, and remembers what it had. Whatever
 * happens on the way, the device is either bound or as it was.
 *
 * @throws CommandError
 */
export async function bindDevice(
  system: HostSystem,
  terminal: Terminal,
  device: HostDevice,
  options: BindOptions,
): Promise<BindOutcome> {
  const records = new DriverRecords(system.records);
  const driver = vfioDriver(device.bus);
  if (isVfioBound(device)) {
    return { device, changed: false, previous: records.load(device) };
  }
  checkDriver(system, device);
  checkIommu(system, device, options.noiommu);
  if (!options.force) checkUses(system, device);
  checkAttributes(system, device);

  const before = stateOf(device);
  const previous = originalState(records, device, before, driver);
  const alive = stopAt(terminal, device);
  alive();
  const refused = records.save(device, previous);
  if (refused !== 0) {
    throw new CommandError(
      'NOT_PERMITTED',
      `cannot remember the driver of ${device.name}: ${records.describe(device)} says ${errnoName(refused)}`,
      { device: device.name, errno: refused, remedy: 'Run it again with sudo.' },
    );
  }
  try {
    await changeOrRestore(system, device, before, async () => {
      await moveTo(system, device, { driver, override: driver }, alive);
      alive();
    });
  } catch (error) {
    // While the device is not as it was, what it had must not be forgotten.
    const code = error instanceof CommandError ? error.code : undefined;
    const restored = code !== 'RESTORE_FAILED' && code !== 'TIMED_OUT';
    if (restored && before.driver === previous.driver) records.remove(device);
    throw error;
  }
  return { device: again(system, device), changed: true, previous };
}
