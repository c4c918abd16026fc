/** A source of random numbers; always injected, never global. */
export interface Random {
  /** An integer, 0 … `bound` − 1; `bound` is 1 … 2^32. */
  below(bound: number): number;
}

/** A small seeded generator (xorshift32): the same seed gives the same numbers everywhere. */
export class SeededRandom implements Random {
  #state: number;

  /** @param seed any integer; only its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0 || 0x9e3779b9;
  }

  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return Math.floor((this.#state / 0x100000000) * bound);
  }
}
