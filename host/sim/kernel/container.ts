import { EINVAL, ENODEV, EPERM } from '../../../assembly/abi/linux';
import {
  VFIO_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_GET_API_VERSION,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument } from '../../boundary/kernel';
import type { KernelContext } from './context';
import type { VfioGroup } from './group';
import { type IommuDriver, NoiommuDriver, Type1Driver, type1Claims } from './iommu-driver';
import { VFIO_UNMAP_ALL } from './numbers';
import { OpenFile } from './open-file';

/**
 * A container: the I/O address space that its groups share. The descriptor and
 * each group hold it; the IOMMU driver goes with the last group, mappings and
 * all ("detaching the last group deprivileges a container").
 */
export class Container extends OpenFile {
  readonly #context: KernelContext;
  readonly #groups = new Set<VfioGroup>();
  #noiommu = false;
  #driver: IommuDriver | undefined;

  constructor(context: KernelContext) {
    super();
    this.#context = context;
  }

  get driver(): IommuDriver | undefined {
    return this.#driver;
  }

  override ioctl(request: number, argument: IoctlArgument): number {
    switch (request) {
      case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
      case VFIO_CHECK_EXTENSION:
        return this.#checkExtension(argument);
      case VFIO_SET_IOMMU:
        return this.#setIommu(argument.value);
      default:
        return this.#driver === undefined ? -EINVAL : this.#driver.ioctl(request, argument);
    }
  }

  /** @returns 0 or −errno, then nothing has changed */
  attach(group: VfioGroup): number {
    if (this.#groups.size > 0 && this.#noiommu !== group.noiommu) return -EPERM;
    if (!group.noiommu && !group.claimDma(group)) return -EPERM;
    this.#groups.add(group);
    this.#noiommu = group.noiommu;
    this.acquire();
    return 0;
  }

  detach(group: VfioGroup): void {
    this.#groups.delete(group);
    if (!group.noiommu) group.releaseDma();
    if (this.#groups.size === 0) {
      this.#driver?.release();
      this.#driver = undefined;
    }
    this.put();
  }

  protected release(): void {}

  /** Without a driver every loaded one is asked that may serve the groups, if there are any. */
  #checkExtension(argument: IoctlArgument): number {
    if (this.#driver !== undefined) return this.#driver.ioctl(VFIO_CHECK_EXTENSION, argument);
    const empty = this.#groups.size === 0;
    const extension = argument.value;
    const noiommuLoaded = this.#context.options.unsafeNoiommu;
    if (noiommuLoaded && (empty || this.#noiommu) && extension === VFIO_NOIOMMU_IOMMU) return 1;
    return empty || !this.#noiommu ? type1Claims(extension) : 0;
  }

  #setIommu(type: number): number {
    if (this.#groups.size === 0 || this.#driver !== undefined) return -EINVAL;
    const { unsafeNoiommu, unsafeInterrupts } = this.#context.options;
    if (this.#noiommu) {
      if (type !== VFIO_NOIOMMU_IOMMU || !unsafeNoiommu) return -ENODEV;
      this.#driver = new NoiommuDriver();
      return 0;
    }
    if (type1Claims(type) === 0) return -ENODEV;
    // The driver is asked for it as an extension, and then does not know it as a type.
    if (type === VFIO_UNMAP_ALL) return -EINVAL;
    if (!unsafeInterrupts) return -EPERM;
    this.#driver = new Type1Driver(this.#context, type === VFIO_TYPE1V2_IOMMU);
    return 0;
  }
}
