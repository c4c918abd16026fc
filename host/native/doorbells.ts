import { EINVAL } from '../../assembly/abi/linux';
import { MAX_LINES } from '../../assembly/limits';
import type { Doorbell } from '../boundary/kernel';
import type { Addon } from './addon';

const WASM_PAGE = 0x10000;
// A doorbell of our own, for a Doorbell without memory; byte offsets.
const SUMMARY = 0;
const WORDS = 64;
const COUNTS = WORDS + MAX_LINES / 8;

/** A doorbell as the addon knows it. */
export interface NativeDoorbell {
  readonly id: number;
  /** Watches that ring it. */
  users: number;
  /** Brings what the addon's thread has left to a Doorbell without memory. */
  readonly settle: () => void;
}

/** Rings for what waits in the doorbell at `words`, and silences it. */
function answer(words: Int32Array, doorbell: Doorbell): void {
  let summary = Atomics.exchange(words, SUMMARY, 0);
  while (summary !== 0) {
    const word = 31 - Math.clz32(summary);
    summary &= ~(1 << word);
    let lines = Atomics.exchange(words, (WORDS >>> 2) + word, 0);
    while (lines !== 0) {
      const bit = 31 - Math.clz32(lines);
      lines &= ~(1 << bit);
      const line = word * 32 + bit;
      const count = Atomics.exchange(words, (COUNTS >>> 2) + line, 0) >>> 0;
      // The thread may be between the count and the bit: then we have had it.
      if (count > 0) doorbell.ring(line, count);
    }
  }
}

/** The doorbells that the addon's thread rings. */
export class NativeDoorbells {
  readonly #addon: Addon;
  readonly #known = new Map<Doorbell, NativeDoorbell>();

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** Takes part in `doorbell`; −errno on failure. */
  acquire(doorbell: Doorbell): NativeDoorbell | number {
    let native = this.#known.get(doorbell);
    if (native === undefined) {
      const added = doorbell.memory ? this.#addMemory(doorbell) : this.#addPlain(doorbell);
      if (added.id < 0) return added.id;
      native = added;
      this.#known.set(doorbell, native);
    }
    native.users++;
    return native;
  }

  /** Ends one user's part. */
  release(doorbell: Doorbell): void {
    const native = this.#known.get(doorbell);
    if (native === undefined) return;
    native.users--;
    if (native.users > 0) return;
    this.#known.delete(doorbell);
    this.#addon.dropDoorbell(native.id);
  }

  #addMemory(doorbell: Doorbell): NativeDoorbell {
    const { memory } = doorbell;
    if (memory === undefined) return { id: -EINVAL, users: 0, settle() {} };
    const id = this.#addon.addDoorbell(
      memory.memory,
      memory.summary,
      memory.words,
      memory.counts,
      memory.lines,
      () => doorbell.wake?.(),
    );
    return { id, users: 0, settle() {} };
  }

  #addPlain(doorbell: Doorbell): NativeDoorbell {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const words = new Int32Array(memory.buffer, 0, WASM_PAGE / 4);
    const settle = () => answer(words, doorbell);
    const id = this.#addon.addDoorbell(memory, SUMMARY, WORDS, COUNTS, MAX_LINES, settle);
    return { id, users: 0, settle };
  }
}
