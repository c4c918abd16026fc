import type { Sysfs } from '../../boundary/kernel';

export type Bus = 'platform' | 'amba';

export const buses: readonly Bus[] = ['platform', 'amba'];

/** Drivers that hand a device to user space. */
export function vfioDriver(bus: Bus): string {
  return `vfio-${bus}`;
}

/** A device on the platform or the AMBA bus, as sysfs shows it now. */
export interface HostDevice {
  readonly name: string;
  readonly bus: Bus;
  /** '/sys/bus/<bus>/devices/<name>'. */
  readonly busPath: string;
  /** Where that link leads. */
  readonly path: string;
  /** Compatible strings of the device-tree node, or the ACPI hardware id; may be empty. */
  readonly compatible: readonly string[];
  /** A firmware (device tree or ACPI) describes it; others are made by drivers and have no registers. */
  readonly described: boolean;
  readonly driver: string | undefined;
  /** The driver that alone may bind it. */
  readonly driverOverride: string | undefined;
  readonly group: number | undefined;
  /** '/dev/vfio/<n>' or '/dev/vfio/noiommu-<n>', when it exists. */
  readonly groupNode: string | undefined;
  /** The group was made by VFIO because there is no IOMMU. */
  readonly noiommu: boolean;
  /** '/dev/vfio/devices/vfio<n>', when the device has one. */
  readonly cdev: string | undefined;
}

function lastPart(path: string | undefined): string | undefined {
  return path?.slice(path.lastIndexOf('/') + 1);
}

function compatibleOf(sysfs: Sysfs, path: string): readonly string[] {
  const tree = (sysfs.readText(`${path}/of_node/compatible`) ?? '')
    .split('\0')
    .filter((entry) => entry !== '');
  if (tree.length > 0) return tree;
  const hid = sysfs.readText(`${path}/firmware_node/hid`)?.trim();
  return hid ? [hid] : [];
}

/** Looks at one device; undefined when the bus has none of that name. */
export function readDevice(sysfs: Sysfs, bus: Bus, name: string): HostDevice | undefined {
  const busPath = `/sys/bus/${bus}/devices/${name}`;
  const path = sysfs.realPath(busPath);
  if (path === undefined) return undefined;
  const groupText = lastPart(sysfs.readLink(`${path}/iommu_group`));
  const group = groupText !== undefined && /^\d+$/.test(groupText) ? Number(groupText) : undefined;
  const override = sysfs.readText(`${path}/driver_override`)?.trim();
  const ordinary = `/dev/vfio/${group}`;
  const unsafe = `/dev/vfio/noiommu-${group}`;
  const named = sysfs.readText(`/sys/kernel/iommu_groups/${group}/name`)?.trim();
  const noiommu =
    group !== undefined &&
    !sysfs.exists(ordinary) &&
    (sysfs.exists(unsafe) || named === 'vfio-noiommu');
  const cdev = sysfs
    .list(`${path}/vfio-dev`)
    .find((entry) => sysfs.exists(`${path}/vfio-dev/${entry}/dev`));
  const groupNode = noiommu ? unsafe : ordinary;
  return {
    name,
    bus,
    busPath,
    path,
    compatible: compatibleOf(sysfs, path),
    described: sysfs.exists(`${path}/of_node`) || sysfs.exists(`${path}/firmware_node`),
    driver: lastPart(sysfs.readLink(`${path}/driver`)),
    driverOverride: override === '' || override === '(null)' ? undefined : override,
    group,
    groupNode: group !== undefined && sysfs.exists(groupNode) ? groupNode : undefined,
    noiommu,
    cdev: cdev === undefined ? undefined : `/dev/vfio/devices/${cdev}`,
  };
}

/** All devices of both buses, in order of their names. */
export function listDevices(sysfs: Sysfs): readonly HostDevice[] {
  return buses
    .flatMap((bus) =>
      sysfs.list(`/sys/bus/${bus}/devices`).map((name) => readDevice(sysfs, bus, name)),
    )
    .filter((device) => device !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function isVfioBound(device: HostDevice): boolean {
  return device.driver === vfioDriver(device.bus);
}
