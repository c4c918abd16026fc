import { WINDOW_ALIGNMENT } from '../../assembly/limits';
import type { WindowMapping } from './kernel';

interface Window {
  readonly start: number;
  readonly mapping: WindowMapping;
}

const SLOT_SHIFT = Math.log2(WINDOW_ALIGNMENT);

/** The windows of one core, found by address; aligned, so that a slot has one at most. */
export class WindowTable {
  readonly #slots: (Window | undefined)[] = [];

  add(pointer: number, length: number, mapping: WindowMapping): void {
    const window = { start: pointer, mapping };
    const last = (pointer + length - 1) >>> SLOT_SHIFT;
    for (let slot = pointer >>> SLOT_SHIFT; slot <= last; slot++) this.#slots[slot] = window;
  }

  /** Takes the window that starts at `pointer` out; undefined when there is none. */
  remove(pointer: number): WindowMapping | undefined {
    const first = pointer >>> SLOT_SHIFT;
    const window = this.#slots[first];
    if (window?.start !== pointer) return undefined;
    for (let slot = first; this.#slots[slot] === window; slot++) this.#slots[slot] = undefined;
    return window.mapping;
  }

  load(pointer: number, width: number): number {
    const window = this.#slots[pointer >>> SLOT_SHIFT];
    // The core only loads from windows that it has mapped.
    if (window === undefined) return -1;
    return window.mapping.read(pointer - window.start, width);
  }

  store(pointer: number, width: number, value: number): void {
    const window = this.#slots[pointer >>> SLOT_SHIFT];
    window?.mapping.write(pointer - window.start, width, value);
  }
}
