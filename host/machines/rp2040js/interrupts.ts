import type { MachineLine } from '../contract';
import { patch } from '../patch';
import type { Rp2040Chip } from './internals';

export const FIRST_LINE = 0;
export const LAST_LINE = 31;
/** Inputs below are levels to rp2040js; from here on it latches edges. */
const FIRST_LATCHED_LINE = 26;
/** Exception number of interrupt input 0. */
const FIRST_INTERRUPT = 16;

/**
 * The inputs of the chip's interrupt controller.
 *
 * - 0 … 25 are levels, shared with the chip's own peripherals (20 is UART0, and
 *   so on): the input is high while either side holds it. `pulse()` stays
 *   pending until the guest enters its handler, as on the real controller:
 *   rp2040js by itself would forget it.
 * - 26 … 31 are edges: a rise of the line, or a pulse, is pending until the
 *   guest enters its handler; a fall does not take it back.
 */
export class Rp2040Interrupts {
  readonly #chip: Rp2040Chip;
  readonly #lines = new Map<number, Line>();
  readonly #eoiListeners = new Set<(line: number) => void>();
  /** Bit masks of inputs 0 … 25: held by the chip, held by devices, pulsed and not yet taken. */
  #fromChip = 0;
  #fromLines = 0;
  #pulsed = 0;
  #unpatchLines: (() => void)[] = [];
  #unpatchEoi: (() => void) | undefined;

  constructor(chip: Rp2040Chip) {
    this.#chip = chip;
  }

  /** @throws RangeError unless `number` is an integer, 0 … 31 */
  line(number: number): MachineLine {
    if (!Number.isInteger(number) || number < FIRST_LINE || number > LAST_LINE) {
      throw new RangeError(`interrupt input ${number} does not exist: the RP2040 has 0 … 31`);
    }
    let line = this.#lines.get(number);
    if (!line) {
      if (this.#lines.size === 0) this.#patchLines();
      line = number < FIRST_LATCHED_LINE ? new LevelLine(this, number) : new EdgeLine(this, number);
      this.#lines.set(number, line);
    }
    return line;
  }

  /** Tells `listener` when the guest returns from the handler of an input. */
  onEoi(listener: (line: number) => void): () => void {
    const entry = (line: number) => listener(line);
    if (this.#eoiListeners.size === 0) this.#patchExceptionReturn();
    this.#eoiListeners.add(entry);
    return () => {
      if (!this.#eoiListeners.delete(entry) || this.#eoiListeners.size > 0) return;
      this.#unpatchEoi?.();
      this.#unpatchEoi = undefined;
    };
  }

  /** Keeps what the inputs are at, beside what the chip itself knows. */
  keepLevels(): () => void {
    const kept = [this.#fromChip, this.#fromLines, this.#pulsed] as const;
    const lines = [...this.#lines.values()].map((line) => line.keepLevel());
    return () => {
      [this.#fromChip, this.#fromLines, this.#pulsed] = kept;
      for (const restore of lines) restore();
    };
  }

  /** Lets go of every line and of the chip; lines handed out do nothing from now on. */
  detach(): void {
    for (const line of this.#lines.values()) line.disconnect();
    this.#pulsed = 0;
    for (let number = 0; number < FIRST_LATCHED_LINE; number++) {
      if (this.#lines.has(number)) this.#drive(number);
    }
    this.#lines.clear();
    for (const restore of this.#unpatchLines.reverse()) restore();
    this.#unpatchLines = [];
    this.#eoiListeners.clear();
    this.#unpatchEoi?.();
    this.#unpatchEoi = undefined;
  }

  setLevel(number: number, high: boolean): void {
    const bit = 1 << number;
    this.#fromLines = high ? this.#fromLines | bit : this.#fromLines & ~bit;
    this.#drive(number);
  }

  holdUntilTaken(number: number): void {
    this.#pulsed |= 1 << number;
    this.#drive(number);
  }

  latchEdge(number: number): void {
    this.#chip.core.setInterrupt(number, true);
  }

  #drive(number: number): void {
    const levels = this.#fromChip | this.#fromLines | this.#pulsed;
    this.#chip.core.setInterrupt(number, (levels & (1 << number)) !== 0);
  }

  #patchLines(): void {
    const { core } = this.#chip;
    this.#fromChip = core.pendingInterrupts & ((1 << FIRST_LATCHED_LINE) - 1);
    this.#unpatchLines = [
      patch(this.#chip, 'setInterrupt', (original) => (number, high) => {
        if (!this.#lines.has(number) || number >= FIRST_LATCHED_LINE) {
          original.call(this.#chip, number, high);
          return;
        }
        const bit = 1 << number;
        this.#fromChip = high ? this.#fromChip | bit : this.#fromChip & ~bit;
        this.#drive(number);
      }),
      patch(core, 'exceptionEntry', (original) => (exception) => {
        original.call(core, exception);
        const number = exception - FIRST_INTERRUPT;
        if (number < 0 || !(this.#pulsed & (1 << number))) return;
        this.#pulsed &= ~(1 << number);
        this.#drive(number);
      }),
    ];
  }

  #patchExceptionReturn(): void {
    const { core } = this.#chip;
    this.#unpatchEoi = patch(core, 'exceptionReturn', (original) => (excReturn) => {
      const number = core.IPSR - FIRST_INTERRUPT;
      original.call(core, excReturn);
      if (number < 0) return;
      for (const listener of this.#eoiListeners) listener(number);
    });
  }
}

interface Line extends MachineLine {
  keepLevel(): () => void;
  disconnect(): void;
}

class LevelLine implements Line {
  #owner: Rp2040Interrupts | undefined;
  readonly #number: number;

  constructor(owner: Rp2040Interrupts, number: number) {
    this.#owner = owner;
    this.#number = number;
  }

  up(): void {
    this.#owner?.setLevel(this.#number, true);
  }

  down(): void {
    this.#owner?.setLevel(this.#number, false);
  }

  pulse(): void {
    this.#owner?.holdUntilTaken(this.#number);
  }

  keepLevel(): () => void {
    // The owner has all levels.
    return () => {};
  }

  disconnect(): void {
    this.down();
    this.#owner = undefined;
  }
}

class EdgeLine implements Line {
  #owner: Rp2040Interrupts | undefined;
  readonly #number: number;
  #high = false;

  constructor(owner: Rp2040Interrupts, number: number) {
    this.#owner = owner;
    this.#number = number;
  }

  up(): void {
    if (this.#high) return;
    this.#high = true;
    this.#owner?.latchEdge(this.#number);
  }

  down(): void {
    this.#high = false;
  }

  pulse(): void {
    this.up();
    this.down();
  }

  keepLevel(): () => void {
    const high = this.#high;
    return () => {
      this.#high = high;
    };
  }

  disconnect(): void {
    this.#owner = undefined;
  }
}
