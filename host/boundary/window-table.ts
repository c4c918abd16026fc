import { MAX_MEMORY_BYTES, WINDOW_ALIGNMENT } from '../../assembly/limits';
import type { WindowMapping } from './kernel';

const SLOT_SHIFT = Math.log2(WINDOW_ALIGNMENT);
const SLOTS = MAX_MEMORY_BYTES / WINDOW_ALIGNMENT;

/** What is in a slot without a window; the core only accesses windows that it has mapped. */
const NOTHING: WindowMapping = { inMemory: false, read: () => -1, write() {}, unmap() {} };

/**
 * The windows of one core, found by address; aligned, so that a slot has one at
 * most. Every access to a simulated device looks here, mostly for the window of
 * the access before: that one is at hand without the look-up.
 */
export class WindowTable {
  readonly #mappings: WindowMapping[] = [];
  readonly #starts: number[] = [];
  // Not #private: that costs the accesses a few per cent.
  private current = NOTHING;
  private start = 0;
  private length = 0;

  add(pointer: number, length: number, mapping: WindowMapping): void {
    const last = (pointer + length - 1) >>> SLOT_SHIFT;
    while (this.#mappings.length <= last && last < SLOTS) {
      this.#mappings.push(NOTHING);
      this.#starts.push(0);
    }
    for (let slot = pointer >>> SLOT_SHIFT; slot <= last; slot++) {
      this.#mappings[slot] = mapping;
      this.#starts[slot] = pointer;
    }
    this.#forget();
  }

  /** Takes the window that starts at `pointer` out; undefined when there is none. */
  remove(pointer: number): WindowMapping | undefined {
    const first = pointer >>> SLOT_SHIFT;
    const mapping = this.#mappings[first];
    if (mapping === undefined || mapping === NOTHING || this.#starts[first] !== pointer) {
      return undefined;
    }
    for (let slot = first; this.#mappings[slot] === mapping; slot++) this.#mappings[slot] = NOTHING;
    this.#forget();
    return mapping;
  }

  /** The window that starts at `pointer`; one without effect when there is none. */
  at(pointer: number): WindowMapping {
    const slot = pointer >>> SLOT_SHIFT;
    return (this.#starts[slot] === pointer ? this.#mappings[slot] : undefined) ?? NOTHING;
  }

  load(pointer: number, width: number): number {
    // Below the start it wraps around to more than any length.
    const offset = (pointer - this.start) >>> 0;
    return offset < this.length
      ? this.current.read(offset, width)
      : this.#find(pointer).read(pointer - this.start, width);
  }

  store(pointer: number, width: number, value: number): void {
    const offset = (pointer - this.start) >>> 0;
    if (offset < this.length) this.current.write(offset, width, value);
    else this.#find(pointer).write(pointer - this.start, width, value);
  }

  /** Brings the slot's window to hand; where there is none, NOTHING. */
  #find(pointer: number): WindowMapping {
    const slot = pointer >>> SLOT_SHIFT;
    const mapping = this.#mappings[slot] ?? NOTHING;
    let end = slot;
    while (this.#mappings[end] === mapping && this.#starts[end] === this.#starts[slot]) end++;
    this.current = mapping;
    this.start = this.#starts[slot] ?? 0;
    this.length = mapping === NOTHING ? 0 : (end << SLOT_SHIFT) - this.start;
    return mapping;
  }

  #forget(): void {
    this.current = NOTHING;
    this.length = 0;
  }
}
