import { MAX_MEMORY_BYTES, WINDOW_ALIGNMENT } from '../../assembly/limits';
import type { WindowMapping } from './kernel';

const SLOT_SHIFT = Math.log2(WINDOW_ALIGNMENT);
const SLOTS = MAX_MEMORY_BYTES / WINDOW_ALIGNMENT;

/** What is in a slot without a window; the core only accesses windows that it has mapped. */
const NOTHING: WindowMapping = { inMemory: false, read: () => -1, write() {}, unmap() {} };

/**
 * The windows of one core, found by address; aligned, so that a slot has one at
 * most. Accesses that the host performs by itself do not come here, but for the
 * first of a region (host/device/guest-path.ts).
 */
export class WindowTable {
  readonly #mappings: WindowMapping[] = [];
  readonly #starts: number[] = [];

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
  }

  /** Takes the window that starts at `pointer` out; undefined when there is none. */
  remove(pointer: number): WindowMapping | undefined {
    const first = pointer >>> SLOT_SHIFT;
    const mapping = this.at(pointer);
    if (mapping === NOTHING) return undefined;
    for (let slot = first; this.#mappings[slot] === mapping; slot++) this.#mappings[slot] = NOTHING;
    return mapping;
  }

  /** The window that starts at `pointer`; one without effect when there is none. */
  at(pointer: number): WindowMapping {
    const slot = pointer >>> SLOT_SHIFT;
    return (this.#starts[slot] === pointer ? this.#mappings[slot] : undefined) ?? NOTHING;
  }

  load(pointer: number, width: number): number {
    const slot = pointer >>> SLOT_SHIFT;
    const mapping = this.#mappings[slot] ?? NOTHING;
    return mapping.read(pointer - (this.#starts[slot] ?? 0), width);
  }

  store(pointer: number, width: number, value: number): void {
    const slot = pointer >>> SLOT_SHIFT;
    const mapping = this.#mappings[slot] ?? NOTHING;
    mapping.write(pointer - (this.#starts[slot] ?? 0), width, value);
  }
}
