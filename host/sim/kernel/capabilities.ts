import {
  VFIO_INFO_CAP_HEADER_SIZE,
  VFIO_INFO_CAP_ID,
  VFIO_INFO_CAP_NEXT,
  VFIO_INFO_CAP_VERSION,
} from '../../../assembly/abi/vfio';
import { setU16, setU32 } from './user-struct';

interface Capability {
  readonly id: number;
  readonly version: number;
  readonly size: number;
  readonly fill: (bytes: Uint8Array, at: number) => void;
}

/** A chain of capabilities as it follows an info struct (struct vfio_info_cap_header). */
export class CapabilityChain {
  readonly #capabilities: Capability[] = [];
  #size = 0;

  /** Bytes of the whole chain; each capability is padded to 8 bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param size bytes with the header
   * @param fill writes what follows the header, given where the capability starts
   */
  add(
    id: number,
    version: number,
    size: number,
    fill: (bytes: Uint8Array, at: number) => void,
  ): this {
    const padded = (size + VFIO_INFO_CAP_HEADER_SIZE - 1) & ~(VFIO_INFO_CAP_HEADER_SIZE - 1);
    this.#capabilities.push({ id, version, size: padded, fill });
    this.#size += padded;
    return this;
  }

  /** Writes the chain so that it starts `at` bytes into the struct. */
  write(bytes: Uint8Array, at: number): void {
    let position = at;
    this.#capabilities.forEach(({ id, version, size, fill }, index) => {
      const last = index === this.#capabilities.length - 1;
      bytes.fill(0, position, position + size);
      setU16(bytes, position + VFIO_INFO_CAP_ID, id);
      setU16(bytes, position + VFIO_INFO_CAP_VERSION, version);
      setU32(bytes, position + VFIO_INFO_CAP_NEXT, last ? 0 : position + size);
      fill(bytes, position);
      position += size;
    });
  }
}
