import type { Sysfs } from '../boundary/kernel';
import type { VfioPlatformDevice } from '../device/device';
import { VfioError } from '../errors';
import type { Wiring } from '../machines/plug';
import type { DeviceDescription, PropertyValue } from './description';
import { type CopiedProperties, copyProperties } from './of-node';

/** What describing needs of an open device. */
export type DescribableDevice = Pick<
  VfioPlatformDevice,
  'name' | 'bus' | 'compatible' | 'profile' | 'regions' | 'lines'
>;

/** How a device is described beyond what it says itself. */
export interface DescriptionOptions {
  /** sysfs of the device's host: properties of its device-tree node are copied. */
  readonly sysfs?: Sysfs;
  /** ACPI hardware id; that of the profile, or else PRP0001, unless given. */
  readonly hid?: string;
  /** Further properties; they win over those of the host's node, and those over the profile's. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
}

const NOTHING: CopiedProperties = { properties: {}, regionNames: [], lineNames: [], notes: [] };

/** '9000000.pl011' is the node 'pl011'; 'fd 7' becomes 'fd-7'. */
function nodeName(name: string): string {
  const [address = '', ...rest] = name.split('.');
  const text = rest.length > 0 && /^[0-9a-f]+$/.test(address) ? rest.join('.') : name;
  const clean = text.replaceAll(/[^A-Za-z0-9,._+-]/g, '-').slice(0, 31);
  return /^[A-Za-z]/.test(clean) ? clean : `device-${clean}`.slice(0, 31);
}

/** Indices that are wired, ascending; throws where the device has no such part. */
function indices(device: DescribableDevice, wired: object, count: number, what: string): number[] {
  return Object.keys(wired)
    .map(Number)
    .sort((a, b) => a - b)
    .map((index) => {
      if (index < count) return index;
      throw new VfioError(
        'DESCRIPTION_INVALID',
        `${device.name} cannot be described to a guest: it has no ${what} ${index}, only ${count}`,
        { device: device.name },
      );
    });
}

/** Names of the wired parts, when the host names all of them. */
function wiredNames(names: readonly string[], wired: readonly number[]): string[] | undefined {
  const chosen = wired.map((index) => names[index]).filter((name) => name !== undefined);
  return chosen.length === wired.length && chosen.length > 0 ? chosen : undefined;
}

/**
 * The description of an open device that is plugged in by `wiring`: regions and
 * lines that are not wired are left out. Generic: what is copied comes from
 * VFIO, from the host's device-tree node and from hints of the profile.
 *
 * @throws VfioError DESCRIPTION_INVALID
 */
export function descriptionOf(
  device: DescribableDevice,
  wiring: Pick<Wiring, 'regions' | 'lines'>,
  options: DescriptionOptions = {},
): DeviceDescription {
  const { sysfs } = options;
  const regions = indices(device, wiring.regions, device.regions.length, 'region');
  const lines = indices(device, wiring.lines, device.lines.length, 'line');
  const node = `/sys/bus/${device.bus}/devices/${device.name}/of_node`;
  const copied = sysfs === undefined ? NOTHING : copyProperties(sysfs, node);
  const hints = device.profile?.hints;
  const regionNames = wiredNames(copied.regionNames, regions);
  const lineNames = wiredNames(copied.lineNames, lines);
  const hid = options.hid ?? hints?.acpiHid;
  return {
    name: nodeName(device.name),
    compatible: device.compatible,
    regions: regions.map((index) => ({
      base: wiring.regions[index] as number,
      size: Number(device.regions[index]?.size),
    })),
    lines: lines.map((index) => ({
      input: wiring.lines[index] as number,
      trigger: device.lines[index]?.trigger ?? 'level',
    })),
    properties: {
      ...hints?.properties,
      ...copied.properties,
      ...(regionNames && { 'reg-names': regionNames }),
      ...(lineNames && { 'interrupt-names': lineNames }),
      ...options.properties,
    },
    ...(hid !== undefined && { hid }),
    notes: copied.notes,
  };
}
