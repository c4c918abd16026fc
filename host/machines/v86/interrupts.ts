import type { MachineLine } from '../contract';
import { patch } from '../patch';
import type { V86Cpu, V86Parts } from './internals';
import type { RunLoop } from './run-loop';

export const FIRST_LINE = 0;
export const LAST_LINE = 15;
/** The second interrupt controller hangs on this input of the first. */
const CASCADE = 2;
/** EFLAGS.IF (Intel SDM vol. 1, 3.4.3.3). */
const INTERRUPT_FLAG = 0x200;

/**
 * Inputs 0 … 15 of v86's interrupt controllers: the two PICs and, with
 * `acpi: true`, the IOAPIC. Whether an input is an edge or a level is the
 * guest's choice (ELCR, IOAPIC redirection entries); input 2 does not exist.
 *
 * An input is shared: it is high while any line of a device, or a device of
 * v86's own, holds it.
 */
export class V86Interrupts {
  readonly #cpu: V86Cpu;
  readonly #loop: RunLoop;
  /** How many lines hold each input; undefined where there are none. */
  readonly #holders: (number | undefined)[] = [];
  /** Bit mask of inputs that v86's own devices hold; known for inputs that have lines. */
  #fromEmulator = 0;
  /** Bit mask of what v86 was told last. */
  #driven = 0;
  #detached = false;
  #flags: Int32Array;
  #unpatch: (() => void)[] = [];
  #raise: (input: number) => void;
  #lower: (input: number) => void;

  constructor({ cpu }: V86Parts, loop: RunLoop) {
    this.#cpu = cpu;
    this.#loop = loop;
    this.#flags = this.#viewFlags();
    this.#raise = cpu.device_raise_irq;
    this.#lower = cpu.device_lower_irq;
  }

  /** @throws RangeError unless `number` is an input, 0 … 15 without 2 */
  line(number: number): MachineLine {
    if (!Number.isInteger(number) || number < FIRST_LINE || number > LAST_LINE) {
      throw new RangeError(`interrupt input ${number} does not exist: v86 has 0 … 15`);
    }
    if (number === CASCADE) {
      throw new RangeError('interrupt input 2 is taken: the second interrupt controller is on it');
    }
    if (this.#unpatch.length === 0) this.#patchInputs();
    this.#holders[number] ??= 0;
    return new Line(this, number);
  }

  /** Tells v86 all levels again, after its controllers were restored from a state. */
  driveAll(): void {
    for (let input = FIRST_LINE; input <= LAST_LINE; input++) {
      if (this.#holders[input] === undefined) continue;
      this.#driven &= ~(1 << input);
      if (this.#wanted(input)) this.#drive(input);
      else this.#call(this.#lower, input);
    }
  }

  /** Inputs that v86's own devices hold, a bit mask. */
  get emulatorLevels(): number {
    return this.#fromEmulator;
  }

  set emulatorLevels(levels: number) {
    this.#fromEmulator = levels;
  }

  hold(input: number): void {
    if (this.#detached) return;
    this.#holders[input] = (this.#holders[input] ?? 0) + 1;
    this.#drive(input);
  }

  release(input: number): void {
    if (this.#detached) return;
    this.#holders[input] = (this.#holders[input] ?? 1) - 1;
    this.#drive(input);
  }

  /** Lets go of every line; lines handed out do nothing from now on. */
  detach(): void {
    for (let input = FIRST_LINE; input <= LAST_LINE; input++) {
      if (!this.#holders[input]) continue;
      this.#holders[input] = 0;
      this.#drive(input);
    }
    this.#detached = true;
    this.#holders.length = 0;
    for (const restore of this.#unpatch.splice(0).reverse()) restore();
  }

  #wanted(input: number): boolean {
    return (this.#holders[input] as number) > 0 || (this.#fromEmulator & (1 << input)) !== 0;
  }

  #drive(input: number): void {
    const bit = 1 << input;
    const high = this.#wanted(input);
    if (high === ((this.#driven & bit) !== 0)) return;
    this.#driven ^= bit;
    this.#call(high ? this.#raise : this.#lower, input);
    if (high && !this.#loop.inside) this.#loop.wake();
  }

  /**
   * v86 takes an interrupt inside device_raise_irq(). While the guest runs that
   * would be in the middle of an instruction, whose registers compiled code
   * still holds; with interrupts off for the moment it is taken after it.
   */
  #call(change: (input: number) => void, input: number): void {
    if (!this.#loop.inside) {
      change.call(this.#cpu, input);
      return;
    }
    if (this.#flags.length === 0) this.#flags = this.#viewFlags();
    const before = this.#flags[0] as number;
    this.#flags[0] = before & ~INTERRUPT_FLAG;
    try {
      change.call(this.#cpu, input);
    } finally {
      // Growing its memory, which v86 does not do here, would have detached the view.
      if (this.#flags.length === 0) this.#flags = this.#viewFlags();
      this.#flags[0] = before;
    }
  }

  /** A view that growing the memory detaches; v86's own is a proxy, too slow for every interrupt. */
  #viewFlags(): Int32Array {
    return new Int32Array(this.#cpu.wasm_memory.buffer, this.#cpu.flags.byteOffset, 1);
  }

  #patchInputs(): void {
    const own = (high: boolean) => (original: (input: number) => void) => (input: number) => {
      if (this.#holders[input] === undefined) {
        original.call(this.#cpu, input);
        return;
      }
      const bit = 1 << input;
      this.#fromEmulator = high ? this.#fromEmulator | bit : this.#fromEmulator & ~bit;
      const wanted = this.#wanted(input);
      this.#driven = wanted ? this.#driven | bit : this.#driven & ~bit;
      // Where a device holds the input, v86's own lowering is not seen.
      if (wanted === high) original.call(this.#cpu, input);
    };
    this.#raise = this.#cpu.device_raise_irq;
    this.#lower = this.#cpu.device_lower_irq;
    this.#unpatch = [
      patch(this.#cpu, 'device_raise_irq', own(true)),
      patch(this.#cpu, 'device_lower_irq', own(false)),
    ];
  }
}

class Line implements MachineLine {
  readonly #owner: V86Interrupts;
  readonly #input: number;
  #high = false;

  constructor(owner: V86Interrupts, input: number) {
    this.#owner = owner;
    this.#input = input;
  }

  up(): void {
    if (this.#high) return;
    this.#high = true;
    this.#owner.hold(this.#input);
  }

  down(): void {
    if (!this.#high) return;
    this.#high = false;
    this.#owner.release(this.#input);
  }

  /** v86 remembers an edge; an input that is a level, or high already, does not see it. */
  pulse(): void {
    this.up();
    this.down();
  }
}
