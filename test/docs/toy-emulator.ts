/**
 * The emulator of docs/embedding.md, as small as one can be that a guest runs
 * on. Its instructions are what a conformance check's guest needs and no more.
 */
export interface ToyBus {
  load(address: number, bytes: number): number;
  store(address: number, bytes: number, value: number): void;
}

export type ToyInstruction =
  | {
      readonly op: 'load' | 'store';
      readonly address: number;
      readonly bytes: number;
      value?: number;
    }
  | { readonly op: 'spin' | 'halt' };

const RAM_BYTES = 0x1_0000;
const INSTRUCTION_NS = 50;
const SLICE = 100;

export class ToyEmulator {
  /** Guest RAM, at address 0. */
  readonly ram = new Uint8Array(RAM_BYTES);
  /** Nanoseconds of guest time. */
  now = 0;
  /** Called every so many instructions. */
  onSlice: () => void = () => {};
  /** Called with the number of an input when its handler returns. */
  onReturn: (input: number) => void = () => {};
  /** Inputs 0 … 7; the guest takes interrupts from those for which it has a handler. */
  readonly handlers = new Map<number, { edge: boolean; run: () => void }>();
  program: ToyInstruction[] = [];
  at = 0;
  readonly #buses: { first: number; end: number; bus: ToyBus }[] = [];
  readonly #levels = new Set<number>();
  readonly #edges = new Set<number>();

  /** Accesses from `first` to before `end` go to `bus`, the latest first. */
  attachBus(first: number, end: number, bus: ToyBus): void {
    this.#buses.unshift({ first, end, bus });
  }

  detachBus(bus: ToyBus): void {
    const index = this.#buses.findIndex((each) => each.bus === bus);
    if (index >= 0) this.#buses.splice(index, 1);
  }

  /** Sets the level of an interrupt input; a rise is remembered by inputs that are edges. */
  setInput(input: number, high: boolean): void {
    if (high && !this.#levels.has(input)) this.#edges.add(input);
    if (high) this.#levels.add(input);
    else this.#levels.delete(input);
  }

  load(address: number, bytes: number): number {
    const found = this.#buses.find(({ first, end }) => first <= address && address < end);
    if (found) return found.bus.load(address, bytes);
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (this.ram[address + i] ?? 0);
    return value;
  }

  store(address: number, bytes: number, value: number): void {
    const found = this.#buses.find(({ first, end }) => first <= address && address < end);
    if (found) found.bus.store(address, bytes, value);
    else for (let i = 0; i < bytes; i++) this.ram[address + i] = value / 2 ** (8 * i);
  }

  /** Runs one slice. A halted guest lets the time go by. */
  run(): void {
    for (let count = 0; count < SLICE; count++) {
      this.now += INSTRUCTION_NS;
      if (!this.#interrupt()) this.#step();
    }
    this.onSlice();
  }

  #interrupt(): boolean {
    for (const [input, { edge, run }] of this.handlers) {
      if (!(edge ? this.#edges : this.#levels).has(input)) continue;
      this.#edges.delete(input);
      run();
      this.onReturn(input);
      return true;
    }
    return false;
  }

  #step(): void {
    const instruction = this.program[this.at];
    if (instruction?.op === 'load') {
      instruction.value = this.load(instruction.address, instruction.bytes);
      this.at++;
    } else if (instruction?.op === 'store') {
      this.store(instruction.address, instruction.bytes, instruction.value ?? 0);
      this.at++;
    }
  }
}
