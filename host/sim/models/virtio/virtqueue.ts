import type { ModelDma } from '../model';

// Virtual I/O Device (VIRTIO) 1.2, section 2.7: split virtqueues.
const DESCRIPTOR_BYTES = 16;
const DESCRIPTOR_NEXT = 1 << 0;
const DESCRIPTOR_WRITE = 1 << 1;
const DESCRIPTOR_INDIRECT = 1 << 2;
const AVAILABLE_FLAGS = 0;
const AVAILABLE_INDEX = 2;
const AVAILABLE_RING = 4;
const AVAILABLE_NO_INTERRUPT = 1 << 0;
const USED_INDEX = 2;
const USED_RING = 4;
const USED_ELEMENT_BYTES = 8;
const INDEX_MASK = 0xffff;

/** What a driver did that no device can go on from. */
export class QueueBroken extends Error {
  override readonly name = 'QueueBroken';
}

/** Part of a request in guest memory. */
export interface Segment {
  /** I/O virtual address. */
  readonly address: number;
  /** Bytes, as the driver says; up to 2^32 − 1. */
  readonly length: number;
  /** The device may write it; otherwise it may read it. */
  readonly writable: boolean;
}

/** A chain of buffers that the driver made available. */
export interface Request {
  readonly head: number;
  readonly segments: readonly Segment[];
}

/** Where the driver put the parts of a queue. */
export interface QueueLayout {
  /** Entries, a power of two. */
  readonly size: number;
  /** I/O virtual addresses; 64 bits of which 2^53 − 1 can be reached. */
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
}

/**
 * The device's side of a split virtqueue. Everything in guest memory is the
 * guest's word: reading it can fault, and what it says can be nonsense; both
 * are {@link QueueBroken}.
 */
export class Virtqueue {
  readonly #dma: ModelDma;
  readonly #layout: QueueLayout;
  readonly #scratch = new Uint8Array(DESCRIPTOR_BYTES);
  readonly #view = new DataView(this.#scratch.buffer);
  #nextAvailable = 0;
  #nextUsed = 0;

  constructor(dma: ModelDma, layout: QueueLayout) {
    this.#dma = dma;
    this.#layout = layout;
  }

  /** The next request, or undefined when there is none. */
  take(): Request | undefined {
    const { size, available } = this.#layout;
    const index = this.#read16(available + AVAILABLE_INDEX);
    const waiting = (index - this.#nextAvailable) & INDEX_MASK;
    if (waiting === 0) return undefined;
    if (waiting > size) {
      throw new QueueBroken(`${waiting} requests are available in a queue of ${size}`);
    }
    const slot = this.#nextAvailable % size;
    const head = this.#read16(available + AVAILABLE_RING + 2 * slot);
    this.#nextAvailable = (this.#nextAvailable + 1) & INDEX_MASK;
    return { head, segments: this.#chain(head) };
  }

  /** Gives a request back; `written` is how many bytes the device put into it. */
  complete(request: Request, written: number): void {
    const { size, used } = this.#layout;
    this.#view.setUint32(0, request.head, true);
    this.#view.setUint32(4, written, true);
    const slot = this.#nextUsed % size;
    this.#write(used + USED_RING + USED_ELEMENT_BYTES * slot, USED_ELEMENT_BYTES);
    this.#nextUsed = (this.#nextUsed + 1) & INDEX_MASK;
    // After the element: the driver takes it to be valid from then on.
    this.#view.setUint16(0, this.#nextUsed, true);
    this.#write(used + USED_INDEX, 2);
  }

  /** Whether the driver wants no interrupts for now. */
  get interruptsSuppressed(): boolean {
    const flags = this.#read16(this.#layout.available + AVAILABLE_FLAGS);
    return (flags & AVAILABLE_NO_INTERRUPT) !== 0;
  }

  #chain(head: number): Segment[] {
    const { size, descriptors } = this.#layout;
    const segments: Segment[] = [];
    for (let index = head; ; ) {
      if (index >= size) throw new QueueBroken(`there is no descriptor ${index}`);
      // A chain that is longer than the table is a loop.
      if (segments.length >= size) throw new QueueBroken(`the chain from ${head} is a loop`);
      this.#read(descriptors + DESCRIPTOR_BYTES * index, DESCRIPTOR_BYTES);
      const address = this.#view.getBigUint64(0, true);
      const length = this.#view.getUint32(8, true);
      const flags = this.#view.getUint16(12, true);
      if (flags & DESCRIPTOR_INDIRECT) {
        throw new QueueBroken('an indirect descriptor, which was not negotiated');
      }
      const writable = (flags & DESCRIPTOR_WRITE) !== 0;
      if (!writable && segments.at(-1)?.writable) {
        throw new QueueBroken('a readable buffer after a writable one');
      }
      segments.push({ address: Number(address), length, writable });
      if (!(flags & DESCRIPTOR_NEXT)) return segments;
      index = this.#view.getUint16(14, true);
    }
  }

  #read16(address: number): number {
    this.#read(address, 2);
    return this.#view.getUint16(0, true);
  }

  #read(address: number, length: number): void {
    if (!this.#dma.read(address, this.#scratch.subarray(0, length))) {
      throw new QueueBroken(`the queue cannot be read at 0x${address.toString(16)}`);
    }
  }

  #write(address: number, length: number): void {
    if (!this.#dma.write(address, this.#scratch.subarray(0, length))) {
      throw new QueueBroken(`the queue cannot be written at 0x${address.toString(16)}`);
    }
  }
}
