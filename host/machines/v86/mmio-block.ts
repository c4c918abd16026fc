import type { MmioHandler } from '../contract';
import type { V86Cpu } from './internals';
import type { RunLoop } from './run-loop';

/** A device's range; addresses are unsigned here, and signed where v86 gives them. */
export class MmioRange {
  readonly end: number;
  /** `base` as v86 writes addresses. */
  readonly signedBase: number;
  /** Offset of the last word. */
  readonly lastWord: number;

  constructor(
    readonly base: number,
    readonly size: number,
    readonly handler: MmioHandler,
  ) {
    this.end = base + size;
    this.signedBase = base | 0;
    this.lastWord = size - 4;
  }
}

const ALL_ONES = -1;
/** Has no address. */
const NOWHERE = new MmioRange(0, 0, { read: () => ALL_ONES, write: () => {} });

/** v86's four tables, at one block. */
interface Handlers {
  readonly read8: (address: number) => number;
  readonly write8: (address: number, value: number) => void;
  readonly read32: (address: number) => number;
  readonly write32: (address: number, value: number) => void;
}

/**
 * The handlers of one block of 128 KiB: a look for the range, then its device.
 * Ranges are tried in the order in which they were added; there are few.
 */
export class MmioBlock {
  readonly #cpu: V86Cpu;
  readonly #number: number;
  readonly #loop: RunLoop;
  #ranges: readonly MmioRange[] = [];
  // Not #private: on the hot path that costs a few per cent.
  private recent: MmioRange = NOWHERE;
  readonly #before: Handlers;
  readonly #own: Handlers;

  constructor(cpu: V86Cpu, number: number, loop: RunLoop) {
    this.#cpu = cpu;
    this.#number = number;
    this.#loop = loop;
    this.#before = {
      read8: cpu.memory_map_read8[number] as Handlers['read8'],
      write8: cpu.memory_map_write8[number] as Handlers['write8'],
      read32: cpu.memory_map_read32[number] as Handlers['read32'],
      write32: cpu.memory_map_write32[number] as Handlers['write32'],
    };
    this.#own = {
      read8: (address: number) => this.#read8(address),
      write8: (address: number, value: number) => this.#write8(address, value),
      // Words of the range that was accessed last take no look and no further call.
      read32: (address: number) => {
        const range = this.recent;
        const offset = (address - range.signedBase) | 0;
        if (offset < 0 || offset > range.lastWord) return this.#read32(address);
        try {
          return range.handler.read(offset, 4) | 0;
        } catch (error) {
          this.#loop.fail(error);
          return ALL_ONES;
        }
      },
      write32: (address: number, value: number) => {
        const range = this.recent;
        const offset = (address - range.signedBase) | 0;
        if (offset < 0 || offset > range.lastWord) {
          this.#write32(address, value);
          return;
        }
        try {
          range.handler.write(offset, 4, value >>> 0);
        } catch (error) {
          this.#loop.fail(error);
        }
      },
    };
    this.#install(this.#own);
  }

  add(range: MmioRange): void {
    this.#ranges = [...this.#ranges, range];
  }

  /** @returns whether the block has its handlers of before back */
  remove(range: MmioRange): boolean {
    this.#ranges = this.#ranges.filter((other) => other !== range);
    if (this.recent === range) this.recent = NOWHERE;
    if (this.#ranges.length > 0) return false;
    if (this.#cpu.memory_map_read8[this.#number] !== this.#own.read8) return false;
    this.#install(this.#before);
    return true;
  }

  /** @returns whether a range has taken it */
  write16(address: number, value: number): boolean {
    const range = this.#find(address, 2);
    if (range === undefined) return false;
    this.#write(range, address, 2, value & 0xffff);
    return true;
  }

  /** @returns whether a range has taken it */
  write64(address: number, low: number, high: number): boolean {
    const range = this.#find(address, 8);
    if (range?.handler.write64 === undefined) return false;
    try {
      const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      range.handler.write64((address - range.signedBase) | 0, value);
    } catch (error) {
      this.#loop.fail(error);
    }
    return true;
  }

  #read8(address: number): number {
    const range = this.#find(address, 1);
    if (range === undefined) return this.#before.read8(address);
    // v86 takes the value as it is.
    return this.#read(range, address, 1) & 0xff;
  }

  #write8(address: number, value: number): void {
    const range = this.#find(address, 1);
    if (range === undefined) this.#before.write8(address, value);
    else this.#write(range, address, 1, value & 0xff);
  }

  #read32(address: number): number {
    const range = this.#find(address, 4);
    if (range !== undefined) return this.#read(range, address, 4);
    if (!this.#touches(address)) return this.#before.read32(address);
    const byte = (at: number) => (this.#read8((address + at) | 0) & 0xff) << (8 * at);
    return byte(0) | byte(1) | byte(2) | byte(3);
  }

  #write32(address: number, value: number): void {
    const range = this.#find(address, 4);
    if (range !== undefined) {
      this.#write(range, address, 4, value >>> 0);
    } else if (!this.#touches(address)) {
      this.#before.write32(address, value);
    } else {
      for (let at = 0; at < 4; at++) {
        this.#write8((address + at) | 0, (value >>> (8 * at)) & 0xff);
      }
    }
  }

  /** The range that has all of the access. */
  #find(address: number, width: number): MmioRange | undefined {
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i] as MmioRange;
      const offset = (address - range.signedBase) | 0;
      if (offset >= 0 && offset <= range.size - width) {
        this.recent = range;
        return range;
      }
    }
    return undefined;
  }

  /** Whether an access of 4 bytes, which no range has whole, lies partly in one. */
  #touches(address: number): boolean {
    for (let at = 0; at < 4; at++) {
      if (this.#find((address + at) | 0, 1) !== undefined) return true;
    }
    return false;
  }

  #read(range: MmioRange, address: number, width: number): number {
    try {
      return range.handler.read((address - range.signedBase) | 0, width) | 0;
    } catch (error) {
      this.#loop.fail(error);
      return ALL_ONES;
    }
  }

  #write(range: MmioRange, address: number, width: number, value: number): void {
    try {
      range.handler.write((address - range.signedBase) | 0, width, value);
    } catch (error) {
      this.#loop.fail(error);
    }
  }

  #install({ read8, write8, read32, write32 }: Handlers): void {
    const number = this.#number;
    this.#cpu.memory_map_read8[number] = read8;
    this.#cpu.memory_map_write8[number] = write8;
    this.#cpu.memory_map_read32[number] = read32;
    this.#cpu.memory_map_write32[number] = write32;
  }
}
