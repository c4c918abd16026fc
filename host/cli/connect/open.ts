import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEvent } from '../../device/events';
import { openDevice } from '../../device/open';
import type { DeviceOptions } from '../../options/options';
import type { OptionSpec, Values } from '../arguments/command';
import { flag } from '../arguments/values';
import type { HostDevice } from '../devices/host-device';
import type { HostConnection, HostSystem } from '../environment';
import { checkReady, explain } from './explain';

/** Options of the commands that open a device. */
export const openOptions = {
  noiommu: { type: 'boolean', help: 'accept a device that no IOMMU watches' },
  iommufd: { type: 'boolean', help: "attach through the device's own node and iommufd" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** For the help text of each of them. */
export const OPEN_NOTE = `Opens the device, and so resets it where it can be reset. Needs read and write
access to its node in /dev/vfio; a device without IOMMU needs root as well.`;

/** A device that a command has open. */
export interface OpenedDevice {
  readonly device: VfioPlatformDevice;
  readonly connection: HostConnection;
  /** What the device has told, oldest first. */
  readonly events: readonly DeviceEvent[];
  /** Closes the device and the connection. */
  close(): void;
}

/** The ways of attaching that the command line asks for. */
export function attachOptions(values: Values): DeviceOptions {
  return { noiommu: flag(values, 'noiommu'), iommufd: flag(values, 'iommufd') };
}

/**
 * Opens a device of the host for a command.
 *
 * @throws CommandError, or an ExplainedError around the VfioError
 */
export async function openForCommand(
  system: HostSystem,
  device: HostDevice,
  options: DeviceOptions,
): Promise<OpenedDevice> {
  checkReady(system, device);
  const connection = await system.connect();
  const events: DeviceEvent[] = [];
  try {
    const opened = await openDevice(
      connection.host,
      { ...options, sysfsdev: device.busPath },
      { clock: connection.clock, listener: (event) => events.push(event) },
    );
    opened.onSignal = () => connection.wake();
    const close = () => {
      try {
        opened.close();
      } finally {
        connection.close();
      }
    };
    return { device: opened, connection, events, close };
  } catch (error) {
    connection.close();
    throw explain(system, device, error);
  }
}
