import { EBUSY, EINVAL, ENODEV, ENOENT } from '../../../assembly/abi/linux';
import { errnoName } from '../../errors';
import { type HostDevice, readDevice, vfioDriver } from '../devices/host-device';
import type { HostSystem } from '../environment';
import { CommandError } from '../failure';
import { DRIVER_TIMEOUT_S } from '../limits';
import type { DriverState } from './driver-state';

const CLEAR = '\n';

/** Where the kernel takes a device's driver away, and gives it one. */
function attribute(device: HostDevice, driver: string, file: 'bind' | 'unbind'): string {
  return `/sys/bus/${device.bus}/drivers/${driver}/${file}`;
}

/** The device as it is now. @throws CommandError NO_SUCH_DEVICE when it is gone */
export function again(system: HostSystem, device: HostDevice): HostDevice {
  const now = readDevice(system.files, device.bus, device.name);
  if (now !== undefined) return now;
  throw new CommandError('NO_SUCH_DEVICE', `${device.name} has gone away`, {
    device: device.name,
  });
}

/** What is written to sysfs, and how to tell of it. */
interface Change {
  readonly path: string;
  readonly text: string;
  /** As it follows 'cannot'. */
  readonly what: string;
  readonly remedy?: ((errno: number) => string | undefined) | undefined;
}

function check(
  device: HostDevice,
  { path, what, remedy }: Change,
  result: number | 'pending',
  timeoutMs: number,
): void {
  if (result === 0) return;
  if (result === 'pending') {
    throw new CommandError(
      'TIMED_OUT',
      `${device.name}: the kernel did not ${what} within ${timeoutMs / 1000} s`,
      {
        device: device.name,
        remedy: 'It goes on with it by itself; see who has the device open, and dmesg.',
      },
    );
  }
  throw new CommandError(
    'BIND_FAILED',
    `${device.name}: cannot ${what}: ${path} says ${errnoName(result)}`,
    {
      device: device.name,
      errno: result,
      remedy: remedy?.(result) ?? "The kernel's log (dmesg) may tell why.",
    },
  );
}

/** Why a VFIO driver refuses a device (vfio_platform_probe_common, vfio_assign_device_set). */
function vfioRemedy(device: HostDevice): (errno: number) => string | undefined {
  return (errno) => {
    if (errno === ENOENT && device.bus === 'platform') {
      return (
        'vfio-platform has no reset for this device and wants one: load it with ' +
        "'modprobe vfio-platform reset_required=0' if the device may be handed over as it is."
      );
    }
    if (errno === EINVAL) {
      return 'The device needs an IOMMU group and a compatible string (or an ACPI id).';
    }
    if (errno === EBUSY) return 'Another driver or user has the device or its IOMMU group.';
    if (errno === ENODEV) return 'The driver does not take this device.';
    return undefined;
  };
}

/**
 * Gives the device another driver, from whatever state it is in. `alive` is
 * called before each change and may throw to stop there.
 *
 * @throws CommandError CANNOT_UNBIND, BIND_FAILED, TIMED_OUT, NO_SUCH_DEVICE
 */
export async function moveTo(
  system: HostSystem,
  device: HostDevice,
  target: DriverState,
  alive: () => void = () => {},
  timeoutMs = DRIVER_TIMEOUT_S * 1000,
): Promise<void> {
  const { writer } = system;
  const make = async (change: Change) => {
    const result = await writer.write(change.path, change.text, timeoutMs);
    check(device, change, result, timeoutMs);
  };
  const reserve = (override: string | undefined) => {
    alive();
    const change: Change = {
      path: `${device.path}/driver_override`,
      text: override ?? CLEAR,
      what: override === undefined ? 'free it for any driver' : 'reserve it for a driver',
    };
    check(device, change, writer.set(change.path, change.text), timeoutMs);
  };
  const before = again(system, device);
  // Linux binds a device only to the driver that it is reserved for, if any; one that has it keeps it.
  const binds = target.driver !== undefined && before.driver !== target.driver;
  const during = binds && target.override !== undefined ? target.driver : target.override;
  // Before unbinding: nobody else may take the device in between.
  if (before.driverOverride !== during) reserve(during);
  if (before.driver !== undefined && before.driver !== target.driver) {
    alive();
    await make({
      path: attribute(device, before.driver, 'unbind'),
      text: device.name,
      what: `unbind it from ${before.driver}`,
    });
  }
  if (target.driver !== undefined && again(system, device).driver !== target.driver) {
    alive();
    await make({
      path: attribute(device, target.driver, 'bind'),
      text: device.name,
      what: `bind it to ${target.driver}`,
      remedy: target.driver === vfioDriver(device.bus) ? vfioRemedy(device) : undefined,
    });
  }
  if (during !== target.override) reserve(target.override);
  const after = again(system, device);
  if (after.driver === target.driver) return;
  throw new CommandError(
    'BIND_FAILED',
    `${device.name} has ${after.driver ?? 'no driver'} instead of ${target.driver ?? 'none'}`,
    { device: device.name, remedy: "The kernel's log (dmesg) may tell why." },
  );
}
