import { checkDescription, type DeviceDescription, descriptionError } from './description';
import { type DeviceTreeOptions, deviceTreeNode } from './device-tree';
import { MAX_DEVICES } from './limits';
import { ssdt } from './ssdt';

/** What a guest OS needs to find devices (spec S11). */
export interface MachineDescription {
  /** Device-tree source: one node per device, to be put below the bus they are on. */
  readonly deviceTree: string;
  /** An ACPI table, compiled: an SSDT to be given to the guest's firmware. */
  readonly ssdt: Uint8Array<ArrayBuffer>;
}

/**
 * Describes devices to a guest OS, by device tree and by ACPI. One table
 * describes all devices of a machine, because their ACPI names count from its
 * first.
 *
 * @throws VfioError DESCRIPTION_INVALID, which names the device and what is wrong with it
 */
export function describe(
  devices: DeviceDescription | readonly DeviceDescription[],
  options: DeviceTreeOptions = {},
): MachineDescription {
  const all = 'name' in devices ? [devices] : devices;
  if (all.length > MAX_DEVICES) {
    throw descriptionError(`a machine of ${all.length} devices`, `the limit is ${MAX_DEVICES}`);
  }
  all.forEach(checkDescription);
  return {
    deviceTree: all.map((device) => deviceTreeNode(device, options)).join('\n'),
    ssdt: ssdt(all),
  };
}
