import type { MmioHandler } from '../contract';
import { patch } from '../patch';
import type { Rp2040Chip } from './internals';

/** Bytes; what `base` and `size` of a mapping must be multiples of. */
export const MMIO_GRANULE = 0x1000;

/** The addresses that rp2040js sends to its table of peripherals, and to nothing else before. */
const FIRST = 0x4000_0000;
const END = 0xd000_0000;
/** The USB controller's memory, which rp2040js decodes without an entry in that table. */
const USB_MEMORY = 0x5010_0000;
const SLOT_SIZE = 0x4000;
const PAGES_PER_SLOT = SLOT_SIZE / MMIO_GRANULE;

/** A mapped page: who answers, and where in the whole mapping the page starts. */
interface Page {
  readonly handler: MmioHandler;
  readonly start: number;
  readonly size: number;
}

/**
 * Devices on the chip's bus. rp2040js decodes peripherals in slots of 16 KiB,
 * turns narrow accesses into 32-bit ones and treats the upper three quarters of
 * a slot as its XOR, SET and CLEAR aliases. Here a slot is four pages of plain
 * address space, and accesses keep the width that the guest used.
 */
export class Rp2040Mmio {
  readonly #chip: Rp2040Chip;
  readonly #pages = new Map<number, Page>();
  readonly #slots = new Map<number, Slot>();
  #unpatch: (() => void)[] = [];

  constructor(chip: Rp2040Chip) {
    this.#chip = chip;
  }

  /** See `Machine.mapMmio`. Misaligned accesses past the end of the range read all ones. */
  map(base: number, size: number, handler: MmioHandler): () => void {
    this.#check(base, size);
    if (this.#pages.size === 0) this.#patchNarrowAccesses();
    for (let start = 0; start < size; start += MMIO_GRANULE) {
      this.#setPage((base + start) / MMIO_GRANULE, { handler, start, size });
    }
    let mapped = true;
    return () => {
      if (!mapped) return;
      mapped = false;
      for (let start = 0; start < size; start += MMIO_GRANULE) {
        this.#clearPage((base + start) / MMIO_GRANULE);
      }
      if (this.#pages.size === 0) this.#restoreNarrowAccesses();
    };
  }

  #check(base: number, size: number): void {
    const range = `[0x${base.toString(16)}, +0x${size.toString(16)})`;
    if (!(size > 0) || size % MMIO_GRANULE !== 0 || base % MMIO_GRANULE !== 0) {
      throw new RangeError(`MMIO range ${range}: base and size must be multiples of 4 KiB`);
    }
    if (!(base >= FIRST) || base + size > END) {
      throw new RangeError(`MMIO range ${range} is not within 0x40000000 … 0xcfffffff`);
    }
    for (let address = base; address < base + size; address += MMIO_GRANULE) {
      const page = address / MMIO_GRANULE;
      if (this.#pages.has(page)) {
        throw new RangeError(`MMIO range ${range} is taken: another device is mapped there`);
      }
      const key = slotKey(page);
      const there = this.#chip.peripherals[key];
      if ((there && there !== this.#slots.get(key)) || key === USB_MEMORY / MMIO_GRANULE) {
        throw new RangeError(`MMIO range ${range} is taken: the chip has a peripheral there`);
      }
    }
  }

  #setPage(number: number, page: Page): void {
    const key = slotKey(number);
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = new Slot(this.#chip, key * MMIO_GRANULE);
      this.#slots.set(key, slot);
      this.#chip.peripherals[key] = slot;
    }
    slot.setPage(number % PAGES_PER_SLOT, page);
    this.#pages.set(number, page);
  }

  #clearPage(number: number): void {
    const key = slotKey(number);
    const slot = this.#slots.get(key);
    this.#pages.delete(number);
    if (!slot) return;
    slot.setPage(number % PAGES_PER_SLOT, undefined);
    if (!slot.empty) return;
    this.#slots.delete(key);
    if (this.#chip.peripherals[key] === slot) delete this.#chip.peripherals[key];
  }

  /** Puts what is mapped now back into the chip's table, after the chip went back to another time. */
  reinstall(): void {
    const { peripherals } = this.#chip;
    for (const [key, there] of Object.entries(peripherals)) {
      if (there instanceof Slot && !this.#slots.has(Number(key))) delete peripherals[Number(key)];
    }
    for (const [key, slot] of this.#slots) peripherals[key] = slot;
  }

  /**
   * Instructions are fetched through readUint16, so what does not concern a
   * device leaves these functions after one comparison.
   */
  #patchNarrowAccesses(): void {
    const chip = this.#chip;
    const pages = this.#pages;
    const pageOf = (address: number) => pages.get((address >>> 0) >>> 12);
    this.#unpatch = [
      patch(chip, 'readUint8', (original) => (address) => {
        const page = address >= FIRST ? pageOf(address) : undefined;
        return page ? read(page, address & 0xfff, 1) & 0xff : original.call(chip, address);
      }),
      patch(chip, 'readUint16', (original) => (address) => {
        const page = address >= FIRST ? pageOf(address) : undefined;
        return page ? read(page, address & 0xfff, 2) & 0xffff : original.call(chip, address);
      }),
      patch(chip, 'writeUint8', (original) => (address, value) => {
        const page = address >= FIRST ? pageOf(address) : undefined;
        if (page) write(page, address & 0xfff, 1, value & 0xff);
        else original.call(chip, address, value);
      }),
      patch(chip, 'writeUint16', (original) => (address, value) => {
        const page = address >= FIRST ? pageOf(address) : undefined;
        if (page) write(page, address & 0xfff, 2, value & 0xffff);
        else original.call(chip, address, value);
      }),
    ];
  }

  #restoreNarrowAccesses(): void {
    // Last added, first removed: V8 then gives the chip its former shape back.
    for (const restore of this.#unpatch.reverse()) restore();
    this.#unpatch = [];
  }
}

/** One entry of the chip's table of peripherals: 32-bit accesses arrive here by themselves. */
class Slot {
  // Private, so that it is no part of the chip's state.
  readonly #pages: (Page | undefined)[] = new Array(PAGES_PER_SLOT).fill(undefined);
  readonly #chip: Rp2040Chip;
  readonly #base: number;

  constructor(chip: Rp2040Chip, base: number) {
    this.#chip = chip;
    this.#base = base;
  }

  setPage(index: number, page: Page | undefined): void {
    this.#pages[index] = page;
  }

  get empty(): boolean {
    return this.#pages.every((page) => page === undefined);
  }

  readUint32(offset: number): number {
    const page = this.#pages[offset >>> 12];
    if (page) return read(page, offset & 0xfff, 4) >>> 0;
    const address = (this.#base + offset).toString(16);
    this.#chip.logger.warn('RP2040', `Read from invalid memory address: ${address}`);
    return 0xffffffff;
  }

  writeUint32(offset: number, value: number): void {
    const page = this.#pages[offset >>> 12];
    if (page) {
      write(page, offset & 0xfff, 4, value >>> 0);
    } else {
      const address = (this.#base + offset).toString(16);
      this.#chip.logger.warn('RP2040', `Write to undefined address: ${address}`);
    }
  }

  writeUint32Atomic(offset: number, value: number, alias: number): void {
    this.writeUint32((alias << 12) | offset, value);
  }
}

function read(page: Page, offsetInPage: number, width: number): number {
  const offset = page.start + offsetInPage;
  return offset + width <= page.size ? page.handler.read(offset, width) : 0xffffffff;
}

function write(page: Page, offsetInPage: number, width: number, value: number): void {
  const offset = page.start + offsetInPage;
  if (offset + width <= page.size) page.handler.write(offset, width, value);
}

/** The index that rp2040js uses for the slot of a page: its address in units of 4 KiB. */
function slotKey(page: number): number {
  return page - (page % PAGES_PER_SLOT);
}
