import { MAX_LINES } from '../../assembly/limits';
import type { DoorbellMemory } from './kernel';

const SUMMARY = 0;
const WORDS = 64;
const COUNTS = WORDS + MAX_LINES / 8;

/**
 * A doorbell in memory of its own, for a thread to ring where JavaScript shall
 * see each signal before the core does. The protocol is that of
 * assembly/state/layout.ts.
 */
export class OwnDoorbell {
  readonly memory: DoorbellMemory;
  readonly #words: Int32Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    this.#words = new Int32Array(memory.buffer);
    this.memory = { memory, summary: SUMMARY, words: WORDS, counts: COUNTS, lines: MAX_LINES };
  }

  /** Hands what has rung since the last call to `ring`, highest line first. */
  answer(ring: (line: number, count: number) => void): void {
    const words = this.#words;
    if (Atomics.load(words, SUMMARY) === 0) return;
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
        if (count > 0) ring(line, count);
      }
    }
  }
}
