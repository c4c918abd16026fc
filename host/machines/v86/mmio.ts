import type { MmioHandler } from '../contract';
import { patch } from '../patch';
import { BLOCK_BITS, BLOCK_SIZE, type V86Cpu } from './internals';
import { MmioBlock, MmioRange } from './mmio-block';
import type { RunLoop } from './run-loop';

/** An aligned access of 4 bytes never lies half in a range. */
export const MMIO_GRANULE = 4;

const END_OF_ADDRESSES = 2 ** 32;
const MIB = 1024 * 1024;

/** What v86 answers in Wasm or for its own devices, whatever the handlers of the block are. */
const RESERVED = [
  { name: 'VGA memory', first: 0xa_0000, end: 0xc_0000 },
  { name: "the VGA's linear frame buffer", first: 0xe000_0000, end: 0xe000_0000 + 256 * MIB },
  { name: 'the VGA BIOS', first: 0xfeb0_0000, end: 0xfec0_0000 },
  { name: 'the IOAPIC', first: 0xfec0_0000, end: 0xfec0_0000 + BLOCK_SIZE },
  { name: 'the local APIC', first: 0xfee0_0000, end: 0xfee0_0000 + BLOCK_SIZE },
  { name: 'the BIOS', first: 0xfff0_0000, end: END_OF_ADDRESSES },
] as const;

/**
 * Device ranges in v86's memory. v86 knows blocks of 128 KiB; here any number of
 * ranges share one, and what is in none goes to the handlers that the block had.
 */
export class V86Mmio {
  readonly #cpu: V86Cpu;
  readonly #loop: RunLoop;
  readonly #blocks = new Map<number, MmioBlock>();
  readonly #ranges = new Set<MmioRange>();
  #unpatch: (() => void)[] = [];

  constructor(cpu: V86Cpu, loop: RunLoop) {
    this.#cpu = cpu;
    this.#loop = loop;
  }

  /** @throws RangeError when the range is taken, misaligned, or where v86 has something else */
  map(base: number, size: number, handler: MmioHandler): () => void {
    this.#check(base, size);
    const range = new MmioRange(base, size, handler);
    this.#ranges.add(range);
    if (this.#unpatch.length === 0) this.#unpatch = this.#patchWrites();
    for (const number of blocksOf(range)) {
      let block = this.#blocks.get(number);
      if (block === undefined) {
        block = new MmioBlock(this.#cpu, number, this.#loop);
        this.#blocks.set(number, block);
      }
      block.add(range);
    }
    return () => this.#unmap(range);
  }

  detach(): void {
    for (const range of this.#ranges) this.#unmap(range);
  }

  #unmap(range: MmioRange): void {
    if (!this.#ranges.delete(range)) return;
    for (const number of blocksOf(range)) {
      // A block that somebody else has put handlers on top of stays, and passes everything on.
      if (this.#blocks.get(number)?.remove(range)) this.#blocks.delete(number);
    }
    if (this.#ranges.size > 0) return;
    for (const restore of this.#unpatch.splice(0)) restore();
  }

  #check(base: number, size: number): void {
    for (const [name, value, least] of [
      ['base', base, 0],
      ['size', size, 1],
    ] as const) {
      if (!Number.isInteger(value) || value < least || value % MMIO_GRANULE !== 0) {
        throw new RangeError(`${name} must be a multiple of ${MMIO_GRANULE}, got ${value}`);
      }
    }
    const end = base + size;
    const what = `${hex(base)} … ${hex(end - 1)}`;
    if (end > END_OF_ADDRESSES) throw new RangeError(`${what} is beyond 4 GiB`);
    for (const { name, first, end: last } of RESERVED) {
      if (base < last && first < end) throw new RangeError(`${what} overlaps ${name} of v86`);
    }
    const ram = this.#cpu.memory_size[0] as number;
    if (base < ram) {
      throw new RangeError(`${what} overlaps the guest's RAM, which ends at ${hex(ram)}`);
    }
    for (const range of this.#ranges) {
      if (base < range.end && range.base < end) {
        throw new RangeError(`${what} overlaps ${hex(range.base)} … ${hex(range.end - 1)}`);
      }
    }
  }

  /** v86 has no handlers for 16 and 64 bits: it splits such writes, but here they can be caught whole. */
  #patchWrites(): (() => void)[] {
    const blockOf = (address: number) => this.#blocks.get(address >>> BLOCK_BITS);
    return [
      patch(this.#cpu, 'mmap_write16', (original) => (address, value) => {
        if (blockOf(address)?.write16(address, value)) return;
        original.call(this.#cpu, address, value);
      }),
      patch(this.#cpu, 'mmap_write64', (original) => (address, low, high) => {
        if (blockOf(address)?.write64(address, low, high)) return;
        original.call(this.#cpu, address, low, high);
      }),
    ];
  }
}

function blocksOf({ base, end }: MmioRange): number[] {
  const first = Math.floor(base / BLOCK_SIZE);
  const last = Math.floor((end - 1) / BLOCK_SIZE);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
