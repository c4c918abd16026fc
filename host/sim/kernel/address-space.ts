import type { Counters } from './counters';
import type { Backing } from './user-memory';

/** One mapping of guest memory for a device. */
export interface DmaMapping {
  /** First I/O virtual address. */
  readonly iova: bigint;
  /** Bytes, 1 or more. */
  readonly size: bigint;
  /** The device may read. */
  readonly readable: boolean;
  /** The device may write. */
  readonly writable: boolean;
  /** User address that was given; only its alignment matters later. */
  readonly address: bigint;
  /** The process has said that the memory will be at another address (VFIO_DMA_UNMAP_FLAG_VADDR). */
  addressStale?: boolean;
  readonly backing: Backing;
  /** Where the mapping starts in the buffer of `backing`. */
  readonly offset: number;
}

/** A range of I/O virtual addresses, both ends included. */
export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Why a DMA access was stopped; 'backing-gone' is a buffer that was shrunk or detached while mapped. */
export type DmaFaultReason = 'unmapped' | 'permission' | 'backing-gone' | 'no-address-space';

/**
 * The I/O page table of a container or an IOAS. Mappings are kept in order of
 * address and never overlap; page granularity is the business of whoever maps.
 */
export class AddressSpace {
  readonly #counters: Counters;
  readonly #mappings: DmaMapping[] = [];

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get mappings(): readonly DmaMapping[] {
    return this.#mappings;
  }

  /** The lowest mapping that has a byte in [first, last]. */
  overlapping(first: bigint, last: bigint): DmaMapping | undefined {
    const mapping = this.#mappings[this.#firstEndingAtOrAfter(first)];
    return mapping !== undefined && mapping.iova <= last ? mapping : undefined;
  }

  /** The caller has made sure that nothing overlaps. */
  insert(mapping: DmaMapping): void {
    this.#mappings.splice(this.#firstEndingAtOrAfter(mapping.iova), 0, mapping);
    this.#counters.dmaMappings++;
  }

  remove(mapping: DmaMapping): void {
    const index = this.#mappings.indexOf(mapping);
    if (index < 0) return;
    this.#mappings.splice(index, 1);
    this.#counters.dmaMappings--;
  }

  clear(): void {
    this.#counters.dmaMappings -= this.#mappings.length;
    this.#mappings.length = 0;
  }

  /**
   * Moves `bytes` between the device and guest memory, all or nothing.
   * @returns why it faulted, or undefined when it went well
   */
  transfer(iova: number, bytes: Uint8Array, toDevice: boolean): DmaFaultReason | undefined {
    if (!Number.isSafeInteger(iova) || iova < 0) return 'unmapped';
    const first = BigInt(iova);
    const end = first + BigInt(bytes.byteLength);
    const start = this.#firstEndingAtOrAfter(first);
    let index = start;
    for (let at = first; at < end; index++) {
      const mapping = this.#mappings[index];
      if (mapping === undefined || mapping.iova > at) return 'unmapped';
      if (!(toDevice ? mapping.readable : mapping.writable)) return 'permission';
      const next = mapping.iova + mapping.size;
      const stop = next < end ? next : end;
      const needed = mapping.offset + Number(stop - mapping.iova);
      if (needed > mapping.backing.buffer.byteLength) return 'backing-gone';
      at = stop;
    }
    let done = 0;
    for (index = start; done < bytes.byteLength; index++) {
      const mapping = this.#mappings[index] as DmaMapping;
      const inside = Number(first + BigInt(done) - mapping.iova);
      const length = Math.min(Number(mapping.size) - inside, bytes.byteLength - done);
      const guest = new Uint8Array(mapping.backing.buffer, mapping.offset + inside, length);
      const device = bytes.subarray(done, done + length);
      if (toDevice) {
        device.set(guest);
      } else {
        guest.set(device);
        mapping.backing.written(guest);
      }
      done += length;
    }
    return undefined;
  }

  #firstEndingAtOrAfter(iova: bigint): number {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const mapping = this.#mappings[middle] as DmaMapping;
      if (mapping.iova + mapping.size > iova) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
