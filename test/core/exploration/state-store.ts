/** An empty place of the table. */
const EMPTY = -1;
const FIRST_CAPACITY = 1 << 12;

/**
 * Numbers states in the order in which they are found, so the store is also
 * the queue of a breadth-first search. With each state it keeps how it was
 * found first, and one of its successors.
 */
export class StateStore {
  size = 0;
  readonly #width: number;
  #keys: Uint32Array;
  #parents: Int32Array;
  #steps: Int32Array;
  #successors: Int32Array;
  /** Open addressing, at most half full. */
  #table: Int32Array;

  constructor(width: number) {
    this.#width = width;
    this.#keys = new Uint32Array(FIRST_CAPACITY * width);
    this.#parents = new Int32Array(FIRST_CAPACITY);
    this.#steps = new Int32Array(FIRST_CAPACITY);
    this.#successors = new Int32Array(FIRST_CAPACITY);
    this.#table = new Int32Array(2 * FIRST_CAPACITY).fill(EMPTY);
  }

  /** The number of the state with this key, or -1. */
  find(key: Uint32Array): number {
    return this.#table[this.#placeOf(key)] as number;
  }

  /** Adds a state that is not there yet, found by `step` from state `parent`. */
  add(key: Uint32Array, parent: number, step: number): number {
    if (this.size === this.#parents.length) this.#grow();
    const state = this.size++;
    this.#keys.set(key, state * this.#width);
    this.#parents[state] = parent;
    this.#steps[state] = step;
    this.#successors[state] = -1;
    this.#table[this.#placeOf(key)] = state;
    return state;
  }

  copyKey(state: number, key: Uint32Array): void {
    const at = state * this.#width;
    for (let i = 0; i < this.#width; i++) key[i] = this.#keys[at + i] as number;
  }

  setSuccessor(state: number, successor: number): void {
    this.#successors[state] = successor;
  }

  successorOf(state: number): number {
    return this.#successors[state] as number;
  }

  /** The steps of a shortest way to the state. */
  pathTo(state: number): number[] {
    const path: number[] = [];
    for (let at = state; (this.#parents[at] as number) >= 0; at = this.#parents[at] as number) {
      path.push(this.#steps[at] as number);
    }
    return path.reverse();
  }

  /** The place of the key in the table: its own, or the empty one where it belongs. */
  #placeOf(key: Uint32Array): number {
    const width = this.#width;
    const keys = this.#keys;
    const table = this.#table;
    let hash = 0;
    for (let i = 0; i < width; i++) {
      hash = Math.imul(hash ^ (key[i] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let place = Math.imul(hash, 0x85ebca6b) >>> 7;
    for (;;) {
      place &= table.length - 1;
      const state = table[place] as number;
      if (state === EMPTY) return place;
      const at = state * width;
      let same = 0;
      while (same < width && keys[at + same] === key[same]) same++;
      if (same === width) return place;
      place++;
    }
  }

  #grow(): void {
    const grow = (from: Int32Array): Int32Array => {
      const to = new Int32Array(2 * from.length);
      to.set(from);
      return to;
    };
    const keys = new Uint32Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#parents = grow(this.#parents);
    this.#steps = grow(this.#steps);
    this.#successors = grow(this.#successors);
    this.#table = new Int32Array(2 * this.#table.length).fill(EMPTY);
    const key = new Uint32Array(this.#width);
    for (let state = 0; state < this.size; state++) {
      this.copyKey(state, key);
      this.#table[this.#placeOf(key)] = state;
    }
  }
}
