import type { DeviceModel } from '../models/model';
import type { KernelContext } from './context';
import { SimulatedDevice } from './device';
import { DeviceFile } from './device-file';
import type { FileTree } from './file-tree';
import { GroupFile, VfioGroup } from './group';
import { VFIO_CDEV_MAJOR } from './numbers';

/** How a device is wired to the board and what the host does with it. */
export interface DeviceOptions<M extends DeviceModel = DeviceModel> {
  /** Name on its bus, as in sysfs ('9010000.rtc'). */
  readonly name: string;
  readonly model: M;
  /** 'platform' unless given. */
  readonly bus?: 'platform' | 'amba';
  /** Directory below /sys/devices that the device is in; 'platform' unless given. */
  readonly parent?: string;
  /** Device-tree compatible strings; those of the model unless given. Without any there is no of_node. */
  readonly compatible?: readonly string[];
  /** More files of the of_node, by name and as sysfs shows them. */
  readonly properties?: Readonly<Record<string, string | Uint8Array>>;
  /** IOMMU group, shared by devices with the same number; one of its own unless given. */
  readonly group?: number;
  /** Whether an IOMMU stands behind the device; it does unless said otherwise. Without one there is no group. */
  readonly iommu?: boolean;
  /**
   * VFIO makes a group without an IOMMU for the device, implying `iommu` false.
   * Binding fails, and there is no group, unless the kernel allows it (`unsafeNoiommu`).
   */
  readonly noiommu?: boolean;
  /** Whether the device has a cdev, when the kernel has iommufd; it has unless said otherwise. */
  readonly cdev?: boolean;
  /** Whether the device is bound to its VFIO driver; it is unless said otherwise. */
  readonly driverBound?: boolean;
  /** An ordinary driver of the host that has the device instead, which makes its group not viable. */
  readonly hostDriver?: string;
}

/** A device on the board, with its places in the file system. */
export interface PlacedDevice {
  readonly device: SimulatedDevice;
  /** '/sys/bus/<bus>/devices/<name>', a link. */
  readonly busPath: string;
  /** Where that link leads. */
  readonly sysfsPath: string;
  readonly groupId: number | undefined;
  /** '/dev/vfio/<id>' or '/dev/vfio/noiommu-<id>'. */
  readonly groupPath: string | undefined;
  /** '/dev/vfio/devices/vfio<n>'. */
  readonly cdevPath: string | undefined;
  /** Takes the device away. @returns false while a user keeps it from being unbound */
  readonly unplug: () => boolean;
}

/** The devices of the machine and their entries in /sys and /dev. */
export class Board {
  readonly #context: KernelContext;
  readonly #tree: FileTree;
  readonly #groups = new Map<number, VfioGroup>();
  #cdevs = 0;

  constructor(context: KernelContext, tree: FileTree) {
    this.#context = context;
    this.#tree = tree;
  }

  /** Throws when the options contradict each other or what is on the board. */
  place(options: DeviceOptions): PlacedDevice {
    const { name, model } = options;
    const bus = options.bus ?? 'platform';
    const parent = options.parent ?? 'platform';
    const sysfsPath = `/sys/devices/${parent}/${name}`;
    const busPath = `/sys/bus/${bus}/devices/${name}`;
    if (name === '' || /[/\0]/.test(name)) throw new Error(`'${name}' cannot name a device`);
    if (this.#tree.exists(sysfsPath) || this.#tree.exists(busPath)) {
      throw new Error(`there is a device '${name}' already`);
    }
    const group = this.#groupFor(options);
    const { hostDriver } = options;
    const bound = group !== undefined && hostDriver === undefined && options.driverBound !== false;
    const device = new SimulatedDevice(this.#context, name, bus, model, group);

    const up = '../'.repeat(sysfsPath.split('/').length - 2);
    this.#tree.addDirectory(sysfsPath);
    this.#tree.addLink(busPath, `../../../devices/${parent}/${name}`);
    this.#tree.addLink(`${sysfsPath}/subsystem`, `${up}bus/${bus}`);
    this.#addDeviceTree(sysfsPath, up, options);
    if (group !== undefined) {
      this.#tree.addLink(`${sysfsPath}/iommu_group`, `${up}kernel/iommu_groups/${group.id}`);
      this.#tree.addLink(
        `/sys/kernel/iommu_groups/${group.id}/devices/${name}`,
        `../../../../devices/${parent}/${name}`,
      );
    }
    const driver = bound ? `vfio-${bus}` : hostDriver;
    if (driver !== undefined) {
      this.#tree.addLink(`${sysfsPath}/driver`, `${up}bus/${bus}/drivers/${driver}`);
      this.#tree.addLink(
        `/sys/bus/${bus}/drivers/${driver}/${name}`,
        `../../../../devices/${parent}/${name}`,
      );
    }
    if (group !== undefined && hostDriver !== undefined) group.foreignDrivers++;

    const cdevPath = bound ? this.#bind(device, group, sysfsPath, options) : undefined;
    const finish = () => {
      this.#tree.remove(busPath);
      this.#tree.remove(sysfsPath);
      if (driver !== undefined) this.#tree.remove(`/sys/bus/${bus}/drivers/${driver}/${name}`);
      if (group === undefined) return;
      this.#tree.remove(`/sys/kernel/iommu_groups/${group.id}/devices/${name}`);
      if (hostDriver !== undefined) group.foreignDrivers--;
      if (bound && --group.drivers === 0) this.#tree.remove(groupPath(group));
    };
    let unplugged = false;
    const unplug = () => {
      if (unplugged) return !device.held;
      unplugged = true;
      if (cdevPath !== undefined) this.#tree.remove(cdevPath);
      this.#tree.remove(`${sysfsPath}/vfio-dev`);
      group?.devices.delete(device);
      if (device.held) {
        device.onIdle = finish;
        return false;
      }
      finish();
      return true;
    };
    return {
      device,
      busPath,
      sysfsPath,
      groupId: group?.id,
      groupPath: group && groupPath(group),
      cdevPath,
      unplug,
    };
  }

  #groupFor(options: DeviceOptions): VfioGroup | undefined {
    const noiommu = options.noiommu ?? false;
    if (noiommu ? !this.#context.options.unsafeNoiommu : options.iommu === false) return undefined;
    // VFIO makes the group when it binds the device.
    if (noiommu && (options.driverBound === false || options.hostDriver !== undefined)) {
      return undefined;
    }
    let id = options.group;
    if (id === undefined) for (id = 0; this.#groups.has(id); ) id++;
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new VfioGroup(id, noiommu);
      this.#groups.set(id, group);
      const path = `/sys/kernel/iommu_groups/${id}`;
      this.#tree.addDirectory(`${path}/devices`);
      this.#tree.addFile(`${path}/type`, 'DMA\n');
      if (noiommu) this.#tree.addFile(`${path}/name`, 'vfio-noiommu\n');
    }
    if (group.noiommu !== noiommu) throw new Error(`group ${id} is of the other kind`);
    return group;
  }

  #addDeviceTree(sysfsPath: string, up: string, options: DeviceOptions): void {
    const compatible = options.compatible ?? options.model.compatible;
    if (compatible.length === 0) return;
    const [address, ...rest] = options.name.split('.');
    const node = rest.length > 0 ? `${rest.join('.')}@${address}` : options.name;
    const path = `/sys/firmware/devicetree/base/${node}`;
    this.#tree.addFile(`${path}/compatible`, compatible.map((text) => `${text}\0`).join(''));
    this.#tree.addFile(`${path}/name`, `${node.split('@')[0]}\0`);
    for (const [property, content] of Object.entries(options.properties ?? {})) {
      this.#tree.addFile(`${path}/${property}`, content);
    }
    this.#tree.addLink(`${sysfsPath}/of_node`, `${up}firmware/devicetree/base/${node}`);
  }

  /** @returns the path of the cdev, when there is one */
  #bind(
    device: SimulatedDevice,
    group: VfioGroup,
    sysfsPath: string,
    options: DeviceOptions,
  ): string | undefined {
    group.devices.add(device);
    group.drivers++;
    this.#tree.addDevice(groupPath(group), () => GroupFile.open(this.#context, group));
    const minor = this.#cdevs++;
    this.#tree.addDirectory(`${sysfsPath}/vfio-dev/vfio${minor}`);
    const hasCdev = this.#context.options.iommufd && options.cdev !== false && !group.noiommu;
    if (!hasCdev) return undefined;
    const path = `/dev/vfio/devices/vfio${minor}`;
    this.#tree.addFile(`${sysfsPath}/vfio-dev/vfio${minor}/dev`, `${VFIO_CDEV_MAJOR}:${minor}\n`);
    this.#tree.addDevice(path, () => DeviceFile.openCdev(this.#context, device));
    return path;
  }
}

function groupPath(group: VfioGroup): string {
  return `/dev/vfio/${group.noiommu ? 'noiommu-' : ''}${group.id}`;
}
