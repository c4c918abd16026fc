import type { GuestRam } from '../../boundary/guest-ram';

const FIRST_ADDRESS = 0x7f00_0000_0000n;
/** Buffers lie this far apart: farther than any buffer is long, so neighbours never touch. */
const SPACING = 1n << 36n;

interface Placement {
  readonly base: bigint;
  readonly buffer: ArrayBufferLike;
}

/** A run of bytes in one buffer. */
export interface BufferRange {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
}

/** Told of bytes of a buffer that a device has written. */
export type WriteListener = (offset: number, length: number) => void;

/**
 * The address space of the simulated process, as far as ioctls see it: every
 * buffer gets a page-aligned 64-bit address at its first use and keeps it.
 */
export class UserMemory {
  readonly #byBuffer = new Map<ArrayBufferLike, Placement>();
  #placements: Placement[] = [];
  readonly #watches = new Map<ArrayBufferLike, Set<WriteListener>>();
  #next = FIRST_ADDRESS;

  addressOf(ram: GuestRam): bigint {
    const { buffer, byteOffset } = ram.bytes;
    let placement = this.#byBuffer.get(buffer);
    if (placement === undefined) {
      placement = this.place(buffer, this.#next);
      this.#next += SPACING;
    }
    return placement.base + BigInt(byteOffset);
  }

  /** Gives a buffer an address of the test's choice, for example one that is not page aligned. */
  place(buffer: ArrayBufferLike, base: bigint): Placement {
    const placement = { base, buffer };
    this.#placements = this.#placements.filter((other) => other.buffer !== buffer);
    this.#placements.push(placement);
    this.#byBuffer.set(buffer, placement);
    return placement;
  }

  /** The buffer that has all of [address, address + size) now, or undefined when that would fault. */
  resolve(address: bigint, size: bigint): BufferRange | undefined {
    for (const { base, buffer } of this.#placements) {
      // A detached buffer has length 0 and so holds nothing any more.
      if (address < base || address + size > base + BigInt(buffer.byteLength)) continue;
      return { buffer, offset: Number(address - base) };
    }
    return undefined;
  }

  /** Tells `listener` what devices write to the buffer. @returns ends that; idempotent */
  watchWrites(buffer: ArrayBufferLike, listener: WriteListener): () => void {
    const listeners = this.#watches.get(buffer) ?? new Set();
    this.#watches.set(buffer, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#watches.delete(buffer);
    };
  }

  /** A device has written `length` bytes at `offset` of the buffer. */
  written(buffer: ArrayBufferLike, offset: number, length: number): void {
    for (const listener of this.#watches.get(buffer) ?? []) listener(offset, length);
  }
}
