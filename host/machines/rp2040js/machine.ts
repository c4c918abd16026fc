import type {
  GuestRamBlock,
  KeptState,
  Machine,
  MachineCapabilities,
  MachineLine,
  MmioHandler,
} from '../contract';
import { Rp2040Clock } from './clock';
import { chipOf, type Rp2040Chip, type Rp2040Target, SRAM_BASE, SRAM_SIZE } from './internals';
import { FIRST_LINE, LAST_LINE, Rp2040Interrupts } from './interrupts';
import { ObjectKeeper } from './kept-objects';
import { MMIO_GRANULE, Rp2040Mmio } from './mmio';
import { SafePoint } from './safe-point';

export interface Rp2040MachineOptions {
  /** Virtual time between two safe points, in nanoseconds, more than 0; 20 000 unless given. */
  readonly safePointNs?: number;
  /**
   * Memory that becomes the chip's SRAM, 264 KiB; what the SRAM holds is copied.
   * DMA to a real device needs page-aligned memory, which rp2040js does not allocate.
   */
  readonly sram?: Uint8Array<ArrayBuffer>;
}

const WIDTHS = [1, 2, 4] as const;

/**
 * An rp2040js chip as a {@link Machine}. Devices go anywhere in 0x40000000 …
 * 0xcfffffff where the chip has no peripheral of its own, on 4 KiB boundaries.
 * The chip is changed only as far as the machine is used: nothing is patched
 * before the first mapping or line.
 */
export class Rp2040Machine implements Machine {
  readonly name = 'rp2040js';
  readonly capabilities: MachineCapabilities = {
    directMapping: false,
    deterministic: true,
    reportsEoi: true,
    exactReadWidths: WIDTHS,
    exactWriteWidths: WIDTHS,
    mmioGranule: MMIO_GRANULE,
    lines: [FIRST_LINE, LAST_LINE],
    raiseInHandler: 'latched',
  };
  readonly clock: Rp2040Clock;
  readonly guestRam: readonly GuestRamBlock[];
  /** The emulator's own object. */
  readonly chip: Rp2040Chip;
  readonly #mmio: Rp2040Mmio;
  readonly #interrupts: Rp2040Interrupts;
  readonly #safePoint: SafePoint;
  readonly #unmaps = new Set<() => void>();
  readonly #wakeListeners = new Set<() => void>();
  readonly #restoreSram: () => void;
  #keeper: ObjectKeeper | undefined;

  /**
   * @throws TypeError when `target` is not a chip of a supported rp2040js
   * @throws RangeError when an option is out of range
   */
  constructor(target: Rp2040Target, options: Rp2040MachineOptions = {}) {
    const { safePointNs = 20_000, sram } = options;
    if (!(safePointNs > 0) || safePointNs === Number.POSITIVE_INFINITY) {
      throw new RangeError(`safePointNs must be finite and more than 0, got ${safePointNs}`);
    }
    this.chip = chipOf(target);
    this.#restoreSram = sram ? replaceSram(this.chip, sram) : () => {};
    this.clock = new Rp2040Clock(this.chip);
    this.guestRam = [{ guestAddress: SRAM_BASE, bytes: this.chip.sram, writable: true }];
    this.#mmio = new Rp2040Mmio(this.chip);
    this.#interrupts = new Rp2040Interrupts(this.chip);
    this.#safePoint = new SafePoint(this.chip, safePointNs);
  }

  mapMmio(base: number, size: number, handler: MmioHandler): () => void {
    const release = this.#mmio.map(base, size, handler);
    const unmap = () => {
      this.#unmaps.delete(unmap);
      release();
    };
    this.#unmaps.add(unmap);
    return unmap;
  }

  /** Input 0 … 25 is a level, 26 … 31 an edge; see {@link Rp2040Interrupts}. */
  line(number: number): MachineLine {
    return this.#interrupts.line(number);
  }

  onSafePoint(poll: () => void): () => void {
    return this.#safePoint.add(poll);
  }

  /**
   * Brings the next safe point forward, and calls who waits with {@link onWake}.
   * A run loop that sleeps by itself must use that; rp2040js's own does not sleep.
   */
  wake(): void {
    this.#safePoint.hasten();
    for (const listener of this.#wakeListeners) listener();
  }

  /**
   * For run loops that sleep in the host's event loop: `listener` is called by {@link wake}.
   * @returns ends that; idempotent
   */
  onWake(listener: () => void): () => void {
    const entry = () => listener();
    this.#wakeListeners.add(entry);
    return () => {
      this.#wakeListeners.delete(entry);
    };
  }

  onEoi(listener: (line: number) => void): () => void {
    return this.#interrupts.onEoi(listener);
  }

  /**
   * Keeps the whole chip: rp2040js has all of its state in the fields of its
   * objects. What callbacks keep elsewhere (a model on the SPI bus, say) is not
   * in it, and what the chip has told its host (serial output) stays told.
   * @throws Error while a PIO runs, because rp2040js runs it on timers of the host
   */
  keepState(): KeptState {
    const { pio } = this.chip as { readonly pio?: readonly { readonly stopped?: boolean }[] };
    if (!Array.isArray(pio) || pio.some(({ stopped }) => stopped !== true)) {
      throw new Error(
        "the state cannot be kept while a PIO runs: rp2040js runs it on the host's time, not the guest's",
      );
    }
    this.#keeper ??= new ObjectKeeper(this.chip);
    const chip = this.#keeper.keep();
    const restoreLevels = this.#interrupts.keepLevels();
    const restoreTimers = this.clock.keepTimers();
    return {
      restore: () => {
        chip.restore();
        restoreLevels();
        restoreTimers();
        this.#mmio.reinstall();
      },
    };
  }

  /** Undoes all that this machine did to the chip; timers and listeners are forgotten. Idempotent. */
  detach(): void {
    for (const unmap of this.#unmaps) unmap();
    this.#interrupts.detach();
    this.#safePoint.detach();
    this.#wakeListeners.clear();
    this.clock.detach();
    this.#restoreSram();
  }
}

function replaceSram(chip: Rp2040Chip, sram: Uint8Array<ArrayBuffer>): () => void {
  if (sram.length !== SRAM_SIZE) {
    throw new RangeError(`the RP2040's SRAM has ${SRAM_SIZE} bytes, got ${sram.length}`);
  }
  const before = { sram: chip.sram, sramView: chip.sramView };
  sram.set(chip.sram);
  chip.sram = sram;
  chip.sramView = new DataView(sram.buffer, sram.byteOffset, sram.byteLength);
  return () => {
    if (chip.sram !== sram) return;
    before.sram.set(sram);
    Object.assign(chip, before);
  };
}
