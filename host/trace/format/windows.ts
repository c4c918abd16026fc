import { MAX_MEMORY_BYTES, WINDOW_ALIGNMENT } from '../../../assembly/limits';

const SHIFT = Math.log2(WINDOW_ALIGNMENT);

/**
 * Numbers for the windows of one core: traces name a window by the lowest
 * number that was free, not by its address, which is of one build only.
 */
export class WindowNumbers {
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  /** Number of the window in each slot of linear memory, −1: none. */
  readonly #slots: number[] = [];

  /** Numbers a window that the core has chosen. */
  add(pointer: number, length: number): number {
    let number = this.#starts.indexOf(-1);
    if (number < 0) number = this.#starts.length;
    this.#starts[number] = pointer;
    this.#lengths[number] = length;
    const last = Math.min(pointer + length - 1, MAX_MEMORY_BYTES - 1) >>> SHIFT;
    while (this.#slots.length <= last) this.#slots.push(-1);
    for (let slot = pointer >>> SHIFT; slot <= last; slot++) this.#slots[slot] = number;
    return number;
  }

  /** The number that add() would give now. */
  get next(): number {
    const free = this.#starts.indexOf(-1);
    return free < 0 ? this.#starts.length : free;
  }

  /** The window at an address; one that does not exist gives a number that none has. */
  numberAt(pointer: number): number {
    const number = this.#slots[pointer >>> SHIFT];
    return number === undefined || number < 0 ? this.#starts.length : number;
  }

  /** Offset of the address in its window. */
  offsetAt(pointer: number): number {
    return pointer - (this.#starts[this.numberAt(pointer)] ?? 0);
  }

  remove(pointer: number): void {
    const number = this.numberAt(pointer);
    if (this.#starts[number] !== pointer) return;
    this.#starts[number] = -1;
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (this.#slots[slot] === number) this.#slots[slot] = -1;
    }
  }

  /** The windows by number: start and length, or −1 and anything where a number is free. */
  list(): readonly (readonly [pointer: number, length: number])[] {
    return this.#starts.map((pointer, number) => [pointer, this.#lengths[number] ?? 0]);
  }

  /** Takes over a list() of the same build. */
  restore(list: readonly (readonly [pointer: number, length: number])[]): void {
    this.#starts.length = 0;
    this.#slots.length = 0;
    const free: number[] = [];
    for (const [pointer, length] of list) {
      const number = this.#starts.length;
      if (pointer < 0) {
        this.#starts.push(-1);
        free.push(number);
        continue;
      }
      // add() takes the lowest free number, which must be the last one.
      for (const index of free) this.#starts[index] = 0;
      this.add(pointer, length);
      for (const index of free) this.#starts[index] = -1;
    }
  }
}
