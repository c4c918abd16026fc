import {
  VFIO_DMA_MAP_FLAGS,
  VFIO_DMA_MAP_IOVA_LO64,
  VFIO_DMA_MAP_SIZE_LO64,
  VFIO_DMA_MAP_VADDR_LO64,
  VFIO_DMA_UNMAP_IOVA_LO64,
  VFIO_DMA_UNMAP_SIZE_LO64,
} from '../../assembly/abi/vfio';
import type { IoctlArgument } from './kernel';

interface SharedMapping {
  readonly address: bigint;
  readonly flags: number;
  /** Who uses it; objects that stand for one device each. */
  readonly users: Set<object>;
}

/**
 * DMA mappings of one container. Devices that share a container each want the
 * machine's RAM mapped: the first one maps it, the last one unmaps it.
 */
export class SharedDma {
  readonly #mappings = new Map<string, SharedMapping>();

  /** Whether another user has made exactly this mapping; then it has one more user. */
  joins({ view }: IoctlArgument, user: object): boolean {
    const mapping = this.#mappings.get(mapKey(view));
    if (
      mapping === undefined ||
      mapping.users.has(user) ||
      mapping.address !== view.getBigUint64(VFIO_DMA_MAP_VADDR_LO64, true) ||
      mapping.flags !== view.getUint32(VFIO_DMA_MAP_FLAGS, true)
    ) {
      return false;
    }
    mapping.users.add(user);
    return true;
  }

  /** Notes a mapping that the kernel has just made for `user`. */
  add({ view }: IoctlArgument, user: object): void {
    this.#mappings.set(mapKey(view), {
      address: view.getBigUint64(VFIO_DMA_MAP_VADDR_LO64, true),
      flags: view.getUint32(VFIO_DMA_MAP_FLAGS, true),
      users: new Set([user]),
    });
  }

  /**
   * Ends the part of `user`.
   * @returns 'last' when the kernel is to unmap it now, 'shared' while others
   *   use it, 'foreign' when it is others' alone: nobody unmaps what is not theirs
   */
  leaves({ view }: IoctlArgument, user: object): 'last' | 'shared' | 'foreign' {
    const key = unmapKey(view);
    const mapping = this.#mappings.get(key);
    if (mapping === undefined) return 'last';
    if (!mapping.users.delete(user)) return 'foreign';
    if (mapping.users.size > 0) return 'shared';
    this.#mappings.delete(key);
    return 'last';
  }
}

function mapKey(view: DataView): string {
  return `${view.getBigUint64(VFIO_DMA_MAP_IOVA_LO64, true)}+${view.getBigUint64(VFIO_DMA_MAP_SIZE_LO64, true)}`;
}

function unmapKey(view: DataView): string {
  return `${view.getBigUint64(VFIO_DMA_UNMAP_IOVA_LO64, true)}+${view.getBigUint64(VFIO_DMA_UNMAP_SIZE_LO64, true)}`;
}
