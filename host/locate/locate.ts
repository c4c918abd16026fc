import type { DeviceLocation } from '../boundary/host';
import type { Sysfs } from '../boundary/kernel';
import { VfioError } from '../errors';
import type { ResolvedOptions } from '../options/options';

const BUSES = ['/sys/bus/platform/devices', '/sys/bus/amba/devices'];

/** sysfs paths in which the options say the device may be. */
function candidates({ host, sysfsdev }: ResolvedOptions): readonly string[] {
  if (sysfsdev !== undefined) return [sysfsdev.replace(/(?<=.)\/+$/, '')];
  if (host === undefined || host === '' || host.includes('/')) {
    throw new VfioError(
      'DEVICE_NAME_INVALID',
      host === undefined
        ? `no device was named; give 'host' (its name on the platform bus), 'sysfsdev' or 'fd'`
        : `'${host}' is no device name: it must not be empty or contain '/'; for a path use 'sysfsdev'`,
    );
  }
  return BUSES.map((bus) => `${bus}/${host}`);
}

/** Compatible strings of the device-tree node, which an ACPI device does not have. */
function compatibleOf(sysfs: Sysfs, path: string): readonly string[] {
  const text = sysfs.readText(`${path}/of_node/compatible`) ?? '';
  return text.split('\0').filter((entry) => entry !== '');
}

function findPath(sysfs: Sysfs, options: ResolvedOptions): string {
  const paths = candidates(options);
  const path = paths.find((candidate) => sysfs.exists(candidate));
  if (path !== undefined) return path;
  throw new VfioError(
    'DEVICE_NOT_FOUND',
    `there is no device ${paths.join(' or ')}; look for its name with 'ls ${BUSES.join(' ')}'`,
  );
}

function cdevOf(sysfs: Sysfs, path: string, name: string) {
  const node = sysfs
    .list(`${path}/vfio-dev`)
    .find((entry) => /^vfio\d+$/.test(entry) && sysfs.exists(`${path}/vfio-dev/${entry}/dev`));
  if (node !== undefined) {
    return {
      cdevPath: `/dev/vfio/devices/${node}`,
      cdevNumber: sysfs.readText(`${path}/vfio-dev/${node}/dev`)?.trim(),
    };
  }
  throw new VfioError(
    'NO_CDEV',
    `${name} has no node in /dev/vfio/devices; bind it to vfio-platform or vfio-amba on a kernel with ` +
      'CONFIG_VFIO_DEVICE_CDEV, or leave the iommufd option out',
    { device: name },
  );
}

/** Number of the IOMMU group: the last part of the iommu_group link, decimal. */
function groupOf(sysfs: Sysfs, path: string, name: string): number {
  const link = sysfs.readLink(`${path}/iommu_group`);
  if (link === undefined) {
    throw new VfioError(
      'NO_IOMMU_GROUP',
      `${name} has no IOMMU group; bind it to vfio-platform or vfio-amba, on a system without an IOMMU ` +
        'with the vfio parameter enable_unsafe_noiommu_mode=1',
      { device: name },
    );
  }
  const text = link.slice(link.lastIndexOf('/') + 1);
  if (/^\d+$/.test(text)) return Number(text);
  throw new VfioError(
    'NO_IOMMU_GROUP',
    `${name}: its IOMMU group is called '${text}', which is no number`,
    {
      device: name,
    },
  );
}

/**
 * Finds the device that the options name (spec S2, S3).
 *
 * @throws VfioError DEVICE_NAME_INVALID, DEVICE_NOT_FOUND, NO_IOMMU_GROUP,
 *   NOIOMMU_NOT_ALLOWED, NO_CDEV
 */
export function locate(sysfs: Sysfs, options: ResolvedOptions): DeviceLocation {
  const nothing = {
    group: undefined,
    groupPath: undefined,
    cdevPath: undefined,
    noiommu: false,
    fd: undefined,
  };
  if (options.fd !== undefined) {
    return { ...nothing, name: `fd ${options.fd}`, path: '', compatible: [], fd: options.fd };
  }
  const found = findPath(sysfs, options);
  const name = found.slice(found.lastIndexOf('/') + 1);
  const path = sysfs.realPath(found) ?? found;
  const compatible = compatibleOf(sysfs, path);
  if (options.iommufd) {
    return { ...nothing, name, path, compatible, ...cdevOf(sysfs, path, name) };
  }
  const group = groupOf(sysfs, path, name);
  const noiommu = !sysfs.exists(`/dev/vfio/${group}`) && sysfs.exists(`/dev/vfio/noiommu-${group}`);
  if (noiommu && !options.noiommu) {
    throw new VfioError(
      'NOIOMMU_NOT_ALLOWED',
      `${name} is behind no IOMMU, so a guest could make it write anywhere in this machine; ` +
        `set option 'noiommu' if you accept that`,
      { device: name },
    );
  }
  const groupPath = `/dev/vfio/${noiommu ? 'noiommu-' : ''}${group}`;
  return { ...nothing, name, path, compatible, group, groupPath, noiommu };
}
