import { CHUNK_LIMIT_BYTES, MAX_REGISTERS } from '../limits';
import { ByteWriter } from './bytes';
import {
  ACCESS_BIT,
  ACCESS_WRITE_BIT,
  BEGIN_BIT,
  isAccess,
  OP_END,
  OP_REGISTER,
  OP_THROWN,
  OP_TIME,
  type OpShape,
  opShape,
  REGISTER_FOLLOWS,
} from './ops';

const NOTHING = new Uint8Array(0);
const BUCKETS = MAX_REGISTERS * 2;

/** Words of a register in the table: region, offset, width, window, offset in it, last read, last write. */
const WORDS = 7;

/**
 * Turns events into the bytes of one chunk after the other. What it remembers
 * begins anew with each chunk, so that a chunk can be read by itself; the
 * decoder does the same in reverse.
 */
export class EventEncoder {
  /** Events of this chunk so far. */
  events = 0;
  /** Guest accesses of this chunk so far. */
  accesses = 0;
  readonly #bytes = new ByteWriter(CHUNK_LIMIT_BYTES + 0x10000);
  readonly #registers = new Float64Array(MAX_REGISTERS * WORDS);
  readonly #buckets = new Int16Array(BUCKETS);
  #registerCount = 0;
  /** Machine time of the last timed event. */
  #timeNs = 0;
  /** Unit of time differences, in nanoseconds; a divisor of all of the chunk before. */
  #tick = 1;
  #nextTick = 0;
  /** Bytes of the beginning. */
  #begun = 0;

  /** Bytes of this chunk so far. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Whether nothing was encoded since begin(). */
  get empty(): boolean {
    return this.#bytes.length === this.#begun;
  }

  /** What was encoded since begin(); valid until the next event. */
  get payload(): Uint8Array {
    return this.#bytes.written;
  }

  /** Begins a chunk at this time, inside the calls of these operations. */
  begin(timeNs: number, open: readonly number[]): void {
    this.events = 0;
    this.accesses = 0;
    this.#registerCount = 0;
    this.#buckets.fill(-1);
    this.#timeNs = timeNs;
    this.#tick = this.#nextTick > 0 ? this.#nextTick : 1;
    this.#nextTick = 0;
    const bytes = this.#bytes;
    bytes.length = 0;
    bytes.unsigned(this.#tick);
    bytes.unsigned(open.length);
    for (const op of open) bytes.byte(op);
    this.#begun = bytes.length;
  }

  /** An event of which everything is known. */
  whole(
    op: number,
    timeNs: number,
    args: ArrayLike<number>,
    from: number,
    input: Uint8Array = NOTHING,
    first = 0,
    second = 0,
    output: Uint8Array = NOTHING,
  ): void {
    const shape = opShape(op) as OpShape;
    this.#head(shape, op, timeNs, args, from, input);
    if (shape.frame) this.#results(shape, first, second, output);
  }

  /** The beginning of an event in which others happen. */
  start(
    op: number,
    timeNs: number,
    args: ArrayLike<number>,
    from: number,
    input: Uint8Array = NOTHING,
  ): void {
    this.#head(opShape(op) as OpShape, op | BEGIN_BIT, timeNs, args, from, input);
  }

  /** The end of the innermost event that has begun; it is an `op`. */
  end(op: number, first = 0, second = 0, output: Uint8Array = NOTHING): void {
    this.#bytes.byte(OP_END);
    this.#results(opShape(op) as OpShape, first, second, output);
  }

  /** The innermost event that has begun ends with an error. */
  thrown(code: Uint8Array): void {
    this.#bytes.byte(OP_THROWN);
    this.#bytes.string(code);
  }

  /** The machine's time as an event of its own, where none of the others can carry it. */
  time(timeNs: number): void {
    this.#bytes.byte(OP_TIME);
    this.#bytes.double(timeNs);
    this.#timeNs = timeNs;
  }

  /** A guest access that was one load or store of a window, with the same value. */
  access(
    write: boolean,
    timeNs: number,
    region: number,
    offset: number,
    width: number,
    window: number,
    windowOffset: number,
    value: number,
  ): void {
    const index = this.#register(region, offset, width, window, windowOffset);
    const bytes = this.#bytes;
    // The bytes of the time may have to go first.
    const delta = this.#delta(timeNs);
    const short = index < REGISTER_FOLLOWS;
    bytes.byte(ACCESS_BIT | (write ? ACCESS_WRITE_BIT : 0) | (short ? index : REGISTER_FOLLOWS));
    if (!short) bytes.unsigned(index);
    bytes.unsigned(delta);
    const last = index * WORDS + (write ? 6 : 5);
    bytes.unsigned(((this.#registers[last] as number) ^ value) >>> 0);
    this.#registers[last] = value;
    this.events++;
    this.accesses++;
  }

  /** Whether the short form can take this access. */
  hasRoomFor(): boolean {
    return this.#registerCount < MAX_REGISTERS;
  }

  #head(
    shape: OpShape,
    first: number,
    timeNs: number,
    args: ArrayLike<number>,
    from: number,
    input: Uint8Array,
  ): void {
    const bytes = this.#bytes;
    const delta = shape.timed ? this.#delta(timeNs) : 0;
    bytes.byte(first);
    if (shape.timed) bytes.unsigned(delta);
    this.#fields(shape.args, args, from);
    if (shape.input !== undefined) bytes.string(input);
    this.events++;
    if (isAccess(shape.op)) this.accesses++;
  }

  #results(shape: OpShape, first: number, second: number, output: Uint8Array): void {
    const bytes = this.#bytes;
    const { results } = shape;
    if (results.length > 0) {
      if (results[0]?.type === 'i') bytes.signed(first);
      else bytes.unsigned(first);
      if (results.length > 1) bytes.unsigned(second);
    }
    if (shape.output) bytes.string(output);
  }

  #fields(fields: OpShape['args'], values: ArrayLike<number>, from: number): void {
    const bytes = this.#bytes;
    for (let i = 0; i < fields.length; i++) {
      const type = (fields[i] as OpShape['args'][number]).type;
      const value = values[from + i] as number;
      if (type === 'u') bytes.unsigned(value);
      else if (type === 'i') bytes.signed(value);
      else bytes.double(value);
    }
  }

  /** Ticks since the last timed event; the time itself goes first where ticks cannot tell it. */
  #delta(timeNs: number): number {
    const elapsed = timeNs - this.#timeNs;
    if (elapsed === 0) return 0;
    if (elapsed > 0 && elapsed <= Number.MAX_SAFE_INTEGER && Number.isInteger(elapsed)) {
      this.#nextTick = greatestDivisor(elapsed, this.#nextTick);
      const ticks = elapsed / this.#tick;
      if (Number.isInteger(ticks) && this.#timeNs + ticks * this.#tick === timeNs) {
        this.#timeNs = timeNs;
        return ticks;
      }
    }
    this.time(timeNs);
    return 0;
  }

  /** Index of the register, which is defined first where it is new. */
  #register(
    region: number,
    offset: number,
    width: number,
    window: number,
    windowOffset: number,
  ): number {
    const registers = this.#registers;
    let bucket =
      (Math.imul(offset, 0x9e3779b1) ^ Math.imul(region * 8 + width, 0x85ebca6b)) & (BUCKETS - 1);
    for (;;) {
      const index = this.#buckets[bucket] as number;
      if (index < 0) break;
      const at = index * WORDS;
      if (
        registers[at + 1] === offset &&
        registers[at + 2] === width &&
        registers[at] === region &&
        registers[at + 3] === window &&
        registers[at + 4] === windowOffset
      ) {
        return index;
      }
      bucket = (bucket + 1) & (BUCKETS - 1);
    }
    const index = this.#registerCount++;
    this.#buckets[bucket] = index;
    registers.set([region, offset, width, window, windowOffset, 0, 0], index * WORDS);
    this.#bytes.byte(OP_REGISTER);
    for (let i = 0; i < 5; i++) this.#bytes.unsigned(registers[index * WORDS + i] as number);
    return index;
  }
}

/** The greatest common divisor; that of 0 and a number is the number. */
function greatestDivisor(a: number, b: number): number {
  let larger = a;
  let smaller = b;
  while (smaller > 0) {
    const rest = larger % smaller;
    larger = smaller;
    smaller = rest;
  }
  return larger;
}
