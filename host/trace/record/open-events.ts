import { recordedCode } from '../error-code';
import type { EventEncoder } from '../format/encoder';
import { OP_LOAD, OP_READ, OP_STORE, OP_WRITE } from '../format/ops';
import { MAX_DEPTH } from '../limits';

const SLOTS = 8;
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();

/**
 * What has begun and not ended, outermost first. An event in which nothing else
 * happens is written in one piece, so nothing is written before that is known.
 * An access that is one load or store becomes the shortest event there is.
 */
export class OpenEvents {
  /** How many are under way. */
  depth = 0;
  readonly #encoder: EventEncoder;
  // The outer ones are written, the rest is not.
  #written = 0;
  readonly #ops = new Uint8Array(MAX_DEPTH);
  readonly #times = new Float64Array(MAX_DEPTH);
  readonly #args = new Float64Array(MAX_DEPTH * SLOTS);
  /** 1: the access has made one load or store, which is not written. */
  readonly #fused = new Uint8Array(MAX_DEPTH);
  readonly #fusedAt = new Float64Array(MAX_DEPTH * 3);

  constructor(encoder: EventEncoder) {
    this.#encoder = encoder;
  }

  get full(): boolean {
    return this.depth === MAX_DEPTH;
  }

  /** The operation that is under way, innermost; 0: none. */
  get innermost(): number {
    return this.depth > 0 ? (this.#ops[this.depth - 1] as number) : 0;
  }

  /** The operations that are under way, outermost first. */
  get ops(): number[] {
    return Array.from(this.#ops.subarray(0, this.depth));
  }

  begin(
    op: number,
    timeNs: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
  ): void {
    const { depth } = this;
    this.#ops[depth] = op;
    this.#times[depth] = timeNs;
    this.#fused[depth] = 0;
    const args = this.#args;
    const at = depth * SLOTS;
    args[at] = a;
    args[at + 1] = b;
    args[at + 2] = c;
    args[at + 3] = d;
    args[at + 4] = e;
    args[at + 5] = f;
    this.depth = depth + 1;
  }

  /** Writes the beginning of the innermost one, with bytes that go in. */
  writeWith(input: Uint8Array): void {
    const top = this.depth - 1;
    this.#write(top);
    const op = this.#ops[top] as number;
    this.#encoder.start(op, this.#times[top] as number, this.#args, top * SLOTS, input);
    this.#written = this.depth;
  }

  /**
   * The innermost one ends.
   * @returns whether anything was written; not so for the load or store of a short access
   */
  end(first: number, second: number, output: Uint8Array): boolean {
    const top = this.depth - 1;
    const op = this.#ops[top] as number;
    this.depth = top;
    if (this.#written > top) {
      this.#encoder.end(op, first, second, output);
      this.#written = top;
    } else if (this.#fused[top] === 1) {
      this.#endAccess(top, op, first);
    } else if ((op === OP_LOAD || op === OP_STORE) && this.#fuse(top, op, first)) {
      return false;
    } else {
      this.#write(top);
      const timeNs = this.#times[top] as number;
      const from = top * SLOTS;
      this.#encoder.whole(op, timeNs, this.#args, from, NOTHING, first, second, output);
    }
    return true;
  }

  /** The innermost one ends with an error. */
  thrown(error: unknown): void {
    this.#write(this.depth);
    this.#encoder.thrown(utf8.encode(recordedCode(error)));
    this.depth--;
    this.#written = this.depth;
  }

  /** Writes the beginnings of all, so that something else can follow. */
  write(): void {
    this.#write(this.depth);
  }

  /** Whether the load or store is all that the access around it does so far. */
  #fuse(top: number, op: number, result: number): boolean {
    const outer = top - 1;
    if (outer < this.#written || this.#fused[outer] === 1) return false;
    const args = this.#args;
    const inside = top * SLOTS;
    const around = outer * SLOTS;
    if (args[inside + 2] !== args[around + 2] || !this.#encoder.hasRoomFor()) return false;
    const load = op === OP_LOAD;
    if (this.#ops[outer] !== (load ? OP_READ : OP_WRITE)) return false;
    if (!load && args[inside + 3] !== args[around + 3]) return false;
    const fused = this.#fusedAt;
    fused[outer * 3] = args[inside] as number;
    fused[outer * 3 + 1] = args[inside + 1] as number;
    fused[outer * 3 + 2] = load ? result : (args[inside + 3] as number);
    this.#fused[outer] = 1;
    return true;
  }

  #endAccess(top: number, op: number, result: number): void {
    const value = this.#fusedAt[top * 3 + 2] as number;
    if (op === OP_READ && value !== result) {
      this.#write(top + 1);
      this.#encoder.end(op, result);
      this.#written = top;
      return;
    }
    this.#write(top);
    const at = top * SLOTS;
    this.#encoder.access(
      op === OP_WRITE,
      this.#times[top] as number,
      this.#args[at] as number,
      this.#args[at + 1] as number,
      this.#args[at + 2] as number,
      this.#fusedAt[top * 3] as number,
      this.#fusedAt[top * 3 + 1] as number,
      value,
    );
  }

  /** Writes the beginnings of what is further out than `depth`. */
  #write(depth: number): void {
    const args = this.#args;
    for (let at = this.#written; at < depth; at++) {
      const op = this.#ops[at] as number;
      const timeNs = this.#times[at] as number;
      this.#encoder.start(op, timeNs, args, at * SLOTS);
      if (this.#fused[at] !== 1) continue;
      this.#fused[at] = 0;
      const fused = this.#fusedAt;
      const value = fused[at * 3 + 2] as number;
      const access = [fused[at * 3], fused[at * 3 + 1], args[at * SLOTS + 2], value] as number[];
      if (op === OP_READ) this.#encoder.whole(OP_LOAD, timeNs, access, 0, NOTHING, value);
      else this.#encoder.whole(OP_STORE, timeNs, access, 0);
    }
    if (depth > this.#written) this.#written = depth;
  }
}
