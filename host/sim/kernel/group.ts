import { EBADF, EBUSY, EFAULT, EINVAL, EMFILE, ENODEV, ENOTTY } from '../../../assembly/abi/linux';
import {
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_STATUS_FLAGS,
  VFIO_GROUP_STATUS_SIZE,
  VFIO_GROUP_UNSET_CONTAINER,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument } from '../../boundary/kernel';
import type { AddressSpace } from './address-space';
import { Container } from './container';
import type { KernelContext } from './context';
import type { SimulatedDevice } from './device';
import { DeviceFile } from './device-file';
import { EBADFD } from './numbers';
import { OpenFile } from './open-file';
import { getU32, hasBytes, setU32 } from './user-struct';

/** strndup_user's limit for the name of a device. */
const MAX_NAME = 4096;

/** A VFIO group: the devices that the IOMMU cannot tell apart. It exists whether it is open or not. */
export class VfioGroup {
  readonly id: number;
  readonly noiommu: boolean;
  /** Devices that can be opened by name. */
  readonly devices = new Set<SimulatedDevice>();
  /** Devices that a VFIO driver has, those included that wait for their last user to be unbound. */
  drivers = 0;
  /** Devices of the group that an ordinary driver of the host uses. */
  foreignDrivers = 0;
  /** Devices of the group that are bound through their cdev. */
  cdevUsers = 0;
  openedFile: GroupFile | undefined;
  container: Container | undefined;
  /** 1 for the group itself and 1 for each open device. */
  containerUsers = 0;
  #dmaOwner: object | undefined;
  #dmaClaims = 0;

  constructor(id: number, noiommu: boolean) {
    this.id = id;
    this.noiommu = noiommu;
  }

  get viable(): boolean {
    return this.foreignDrivers === 0 && this.#dmaClaims === 0;
  }

  get space(): AddressSpace | undefined {
    return this.container?.driver?.space;
  }

  /** iommu_group_claim_dma_owner: one owner may claim it several times. */
  claimDma(owner: object): boolean {
    if (this.foreignDrivers > 0) return false;
    if (this.#dmaClaims > 0 && this.#dmaOwner !== owner) return false;
    this.#dmaOwner = owner;
    this.#dmaClaims++;
    return true;
  }

  releaseDma(): void {
    this.#dmaClaims--;
  }

  /** @returns 0 or −errno */
  setContainer(container: Container): number {
    const failure = container.attach(this);
    if (failure < 0) return failure;
    this.container = container;
    this.containerUsers = 1;
    return 0;
  }

  unsetContainer(): void {
    const { container } = this;
    this.container = undefined;
    this.containerUsers = 0;
    container?.detach(this);
  }

  /** A device of the group is opened for the first time. @returns 0 or −errno */
  useContainer(): number {
    if (this.container === undefined || this.container.driver === undefined) return -EINVAL;
    this.openedFile?.acquire();
    this.containerUsers++;
    return 0;
  }

  /** The last user of a device has closed it. */
  unuseContainer(): void {
    this.containerUsers--;
    this.openedFile?.put();
  }
}

/** An open /dev/vfio/N; there is at most one per group. */
export class GroupFile extends OpenFile {
  readonly #context: KernelContext;
  readonly #group: VfioGroup;

  /** @returns the file, −ENODEV without devices, −EBUSY while the group or a cdev of it is open */
  static open(context: KernelContext, group: VfioGroup): GroupFile | number {
    if (group.drivers === 0) return -ENODEV;
    if (group.cdevUsers > 0) return -EBUSY;
    if (group.openedFile !== undefined) return -EBUSY;
    const file = new GroupFile(context, group);
    group.openedFile = file;
    return file;
  }

  private constructor(context: KernelContext, group: VfioGroup) {
    super();
    this.#context = context;
    this.#group = group;
  }

  override ioctl(request: number, argument: IoctlArgument): number {
    switch (request) {
      case VFIO_GROUP_GET_STATUS:
        return this.#getStatus(argument);
      case VFIO_GROUP_SET_CONTAINER:
        return this.#setContainer(argument);
      case VFIO_GROUP_UNSET_CONTAINER:
        return this.#unsetContainer();
      case VFIO_GROUP_GET_DEVICE_FD:
        return this.#getDeviceFd(argument);
      default:
        return -ENOTTY;
    }
  }

  protected release(): void {
    if (this.#group.container !== undefined) this.#group.unsetContainer();
    this.#group.openedFile = undefined;
  }

  #getStatus(argument: IoctlArgument): number {
    if (!hasBytes(argument, VFIO_GROUP_STATUS_SIZE)) return -EFAULT;
    const { bytes } = argument;
    if (getU32(bytes, 0) < VFIO_GROUP_STATUS_SIZE) return -EINVAL;
    let flags = 0;
    if (this.#group.container !== undefined) {
      flags = VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE;
    } else if (this.#group.viable) {
      flags = VFIO_GROUP_FLAGS_VIABLE;
    }
    setU32(bytes, VFIO_GROUP_STATUS_FLAGS, flags);
    return 0;
  }

  #setContainer(argument: IoctlArgument): number {
    if (!hasBytes(argument, 4)) return -EFAULT;
    const fd = getU32(argument.bytes, 0) | 0;
    const file = this.#context.fds.get(fd);
    if (file === undefined) return -EBADF;
    if (this.#group.container !== undefined) return -EINVAL;
    // An iommufd would do as well (its VFIO compatibility); that is not simulated.
    return file instanceof Container ? this.#group.setContainer(file) : -EBADFD;
  }

  #unsetContainer(): number {
    if (this.#group.container === undefined) return -EINVAL;
    if (this.#group.containerUsers !== 1) return -EBUSY;
    this.#group.unsetContainer();
    return 0;
  }

  #getDeviceFd(argument: IoctlArgument): number {
    const name = stringOf(argument);
    if (typeof name === 'number') return name;
    let found: SimulatedDevice | undefined;
    for (const device of this.#group.devices) if (device.name === name) found = device;
    if (found === undefined) return -ENODEV;
    if (this.#context.fds.full) return -EMFILE;
    const file = DeviceFile.openInGroup(this.#context, found, this.#group);
    return typeof file === 'number' ? file : this.#context.fds.install(file);
  }
}

/** The NUL-terminated string argument, −EFAULT when it runs out of the buffer, −EINVAL when too long. */
function stringOf(argument: IoctlArgument): string | number {
  const room = Math.min(argument.length, argument.bytes.byteLength);
  const end = argument.bytes.subarray(0, Math.min(room, MAX_NAME)).indexOf(0);
  if (end < 0) return room >= MAX_NAME ? -EINVAL : -EFAULT;
  let text = '';
  for (let i = 0; i < end; i++) text += String.fromCharCode(argument.bytes[i] as number);
  return text;
}
