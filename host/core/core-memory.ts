/**
 * Views of a core's linear memory. The memory never grows, so they stay valid.
 * Indices into `words` are addresses divided by 4.
 */
export class CoreMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly signedWords: Int32Array;
  readonly doubles: Float64Array;

  constructor(readonly memory: WebAssembly.Memory) {
    const { buffer } = memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.signedWords = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** The unsigned word at byte `address`. */
  word(address: number): number {
    return this.words[address >>> 2] as number;
  }

  /** The signed word at byte `address`. */
  signedWord(address: number): number {
    return this.signedWords[address >>> 2] as number;
  }

  /** The double at byte `address`. */
  double(address: number): number {
    return this.doubles[address >>> 3] as number;
  }

  /** The unsigned 64-bit value at byte `address`. */
  pair(address: number): bigint {
    return (BigInt(this.word(address + 4)) << 32n) | BigInt(this.word(address));
  }
}
