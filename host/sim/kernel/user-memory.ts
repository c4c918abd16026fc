import type { GuestRam } from '../../boundary/guest-ram';

const FIRST_ADDRESS = 0x7f00_0000_0000n;
/** Buffers lie this far apart: farther than any buffer is long, so neighbours never touch. */
const SPACING = 1n << 36n;

/** A buffer at its address. */
class Placement implements Backing {
  readonly #ram: GuestRam | undefined;
  #buffer: ArrayBufferLike;

  constructor(
    readonly base: bigint,
    buffer: ArrayBufferLike,
    ram: GuestRam | undefined,
  ) {
    this.#buffer = buffer;
    this.#ram = ram;
  }

  get buffer(): ArrayBufferLike {
    // Memory that has grown is the same memory to a process, but a new buffer to JavaScript.
    if (this.#buffer.byteLength === 0 && this.#ram) this.#buffer = this.#ram.bytes.buffer;
    return this.#buffer;
  }

  written(bytes: Uint8Array): void {
    this.#ram?.written?.(bytes);
  }
}

/** Memory of the process; ask for the buffer each time, it is another one when the memory has grown. */
export interface Backing {
  readonly buffer: ArrayBufferLike;
  /** Tells whoever gave the memory that a device has written it. */
  written(bytes: Uint8Array): void;
}

/** A run of bytes in the memory of the process. */
export interface BufferRange {
  readonly backing: Backing;
  readonly offset: number;
}

/** Told of bytes of a buffer that a device has written. */
export type WriteListener = (offset: number, length: number) => void;

/**
 * The address space of the simulated process, as far as ioctls see it: every
 * buffer gets a page-aligned 64-bit address at its first use and keeps it.
 */
export class UserMemory {
  #placements: Placement[] = [];
  readonly #watches = new Map<ArrayBufferLike, Set<WriteListener>>();
  #next = FIRST_ADDRESS;

  addressOf(ram: GuestRam): bigint {
    const { buffer, byteOffset } = ram.bytes;
    let placement = this.#placements.find((each) => each.buffer === buffer);
    if (placement === undefined) {
      placement = this.#place(buffer, this.#next, ram);
      this.#next += SPACING;
    }
    return placement.base + BigInt(byteOffset);
  }

  /** Gives a buffer an address of the test's choice, for example one that is not page aligned. */
  place(buffer: ArrayBufferLike, base: bigint): void {
    this.#place(buffer, base, undefined);
  }

  /** The memory that has all of [address, address + size) now, or undefined when that would fault. */
  resolve(address: bigint, size: bigint): BufferRange | undefined {
    for (const backing of this.#placements) {
      const { base, buffer } = backing;
      // A detached buffer has length 0 and so holds nothing any more.
      if (address < base || address + size > base + BigInt(buffer.byteLength)) continue;
      return { backing, offset: Number(address - base) };
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

  #place(buffer: ArrayBufferLike, base: bigint, ram: GuestRam | undefined): Placement {
    const placement = new Placement(base, buffer, ram);
    this.#placements = this.#placements.filter((other) => other.buffer !== buffer);
    this.#placements.push(placement);
    return placement;
  }
}
