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
  users: number;
}

/**
 * DMA mappings of one container. Devices that share a container each want the
 * machine's RAM mapped: the first one maps it, the last one unmaps it.
 */
export class SharedDma {
  readonly #mappings = new Map<string, SharedMapping>();

  /** Whether exactly this mapping is there already; then it has one more user. */
  joins({ view }: IoctlArgument): boolean {
    const mapping = this.#mappings.get(mapKey(view));
    if (
      mapping?.address !== view.getBigUint64(VFIO_DMA_MAP_VADDR_LO64, true) ||
      mapping.flags !== view.getUint32(VFIO_DMA_MAP_FLAGS, true)
    ) {
      return false;
    }
    mapping.users++;
    return true;
  }

  /** Notes a mapping that the kernel has just made. */
  add({ view }: IoctlArgument): void {
    this.#mappings.set(mapKey(view), {
      address: view.getBigUint64(VFIO_DMA_MAP_VADDR_LO64, true),
      flags: view.getUint32(VFIO_DMA_MAP_FLAGS, true),
      users: 1,
    });
  }

  /** Whether others still use the mapping; when not, the kernel is to unmap it now. */
  leaves({ view }: IoctlArgument): boolean {
    const key = unmapKey(view);
    const mapping = this.#mappings.get(key);
    if (mapping === undefined) return false;
    mapping.users--;
    if (mapping.users === 0) this.#mappings.delete(key);
    return mapping.users > 0;
  }
}

function mapKey(view: DataView): string {
  return `${view.getBigUint64(VFIO_DMA_MAP_IOVA_LO64, true)}+${view.getBigUint64(VFIO_DMA_MAP_SIZE_LO64, true)}`;
}

function unmapKey(view: DataView): string {
  return `${view.getBigUint64(VFIO_DMA_UNMAP_IOVA_LO64, true)}+${view.getBigUint64(VFIO_DMA_UNMAP_SIZE_LO64, true)}`;
}
