import { MAX_EVENT_BYTES } from '../limits';
import { corrupt } from './problem';

const TWO_7 = 128;
const NOTHING = new Uint8Array(0);

/** Appends the primitive values of the format to a buffer that is used again and again. */
export class ByteWriter {
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Makes sure that `count` more bytes fit. */
  reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.written);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** An unsigned number below 2^53: seven bits a byte, low ones first. */
  unsigned(value: number): void {
    this.reserve(8);
    const bytes = this.#bytes;
    let at = this.length;
    let rest = value;
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % TWO_7) | 0x80;
      rest = Math.floor(rest / TWO_7);
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  /** A signed 32-bit number, zigzag. */
  signed(value: number): void {
    this.unsigned(((value << 1) ^ (value >> 31)) >>> 0);
  }

  double(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A byte string with its length before it. */
  string(bytes: Uint8Array): void {
    this.unsigned(bytes.length);
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }
}

/** Reads them back; never beyond the end, and never a length that the bytes cannot have. */
export class ByteReader {
  at = 0;
  #bytes: Uint8Array = NOTHING;
  #view: DataView = new DataView(NOTHING.buffer);

  load(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  get ended(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined) throw corrupt('an event ends in the middle');
    this.at++;
    return value;
  }

  unsigned(): number {
    const first = this.byte();
    if (first < TWO_7) return first;
    let value = first & 0x7f;
    let factor = TWO_7;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * factor;
      if (next < TWO_7) break;
      factor *= TWO_7;
      if (factor > 2 ** 49) throw corrupt('a number is too long');
    }
    if (value > Number.MAX_SAFE_INTEGER) throw corrupt('a number is too large');
    return value;
  }

  signed(): number {
    const value = this.unsigned();
    if (value > 0xffffffff) throw corrupt('a number is too large');
    return (value >>> 1) ^ -(value & 1);
  }

  double(): number {
    if (this.at + 8 > this.#bytes.length) throw corrupt('an event ends in the middle');
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  /** A view of a byte string, valid as long as the chunk is. */
  string(): Uint8Array {
    const length = this.unsigned();
    if (length > MAX_EVENT_BYTES) throw corrupt(`a byte string of ${length} bytes is too long`);
    const end = this.at + length;
    if (end > this.#bytes.length) throw corrupt('an event ends in the middle');
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }
}
