import type { Clock } from '../../time/clock';
import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion, ModelWidth } from './model';

/** What PCellID0 … 3 spell in every PrimeCell, least significant byte first. */
const PRIMECELL_ID = 0xb105f00d;
const PERIPH_ID0 = 0xfe0;
const ID_REGISTERS = 8;

/**
 * The identification registers at 0xFE0 … 0xFFC that every PrimeCell has: one
 * byte of the peripheral id, then of the PrimeCell id, per word.
 *
 * @param peripheralId bits 11:0 part number, 19:12 designer, 23:20 revision, 31:24 configuration.
 * @param offset word-aligned byte offset; anything but an id register reads 0.
 */
export function primeCellId(peripheralId: number, offset: number): number {
  const index = (offset - PERIPH_ID0) >> 2;
  if (index < 0 || index >= ID_REGISTERS) return 0;
  const id = index < 4 ? peripheralId : PRIMECELL_ID;
  return (id >>> (8 * (index & 3))) & 0xff;
}

/**
 * Base of the models whose region 0 is a block of 32-bit registers.
 *
 * Narrow accesses work as on a bus with write strobes:
 * - a read is a read of the whole word, with all its side effects (buses have
 *   no read strobes), of which the guest gets the bytes it asked for;
 * - a write delivers its bytes in their lanes: `value` has zeros in the other
 *   lanes, `strobes` has ones in the written ones. A register that holds a
 *   value keeps its other bytes ({@link WordRegisterModel.merge}); one that
 *   acts on ones sees zeros there.
 */
export abstract class WordRegisterModel implements DeviceModel {
  abstract readonly compatible: readonly string[];
  abstract readonly regions: readonly ModelRegion[];
  abstract readonly irqs: readonly ModelIrq[];
  readonly resettable: boolean = true;

  #environment: ModelEnvironment | undefined;
  readonly #high = new Set<number>();

  connect(environment: ModelEnvironment): void {
    this.#environment = environment;
  }

  read(region: number, offset: number, width: ModelWidth): number {
    if (region !== 0) return 0;
    const word = this.readWord(offset & ~3) >>> (8 * (offset & 3));
    return width === 4 ? word : word & (2 ** (8 * width) - 1);
  }

  write(region: number, offset: number, width: ModelWidth, value: number): void {
    if (region !== 0) return;
    const shift = 8 * (offset & 3);
    const strobes = ((2 ** (8 * width) - 1) << shift) >>> 0;
    this.writeWord(offset & ~3, ((value << shift) & strobes) >>> 0, strobes);
  }

  abstract reset(): void;

  /** Reads the register at a word-aligned offset; the result is unsigned. */
  protected abstract readWord(offset: number): number;

  /** Writes the lanes of `value` that are set in `strobes`, at a word-aligned offset. */
  protected abstract writeWord(offset: number, value: number, strobes: number): void;

  protected get environment(): ModelEnvironment {
    if (!this.#environment) throw new Error('the model is not connected to a board yet');
    return this.#environment;
  }

  protected get clock(): Clock {
    return this.environment.clock;
  }

  /** What a register that holds `old` holds after a write of some of its bytes. */
  protected merge(old: number, value: number, strobes: number): number {
    return ((old & ~strobes) | value) >>> 0;
  }

  /**
   * Sets a line; does nothing when it is there already. The guest may run, and
   * come back into the model, before this returns: commit all state first.
   */
  protected drive(line: number, high: boolean): void {
    if (this.#high.has(line) === high) return;
    if (high) this.#high.add(line);
    else this.#high.delete(line);
    this.environment.setLine(line, high);
  }
}
