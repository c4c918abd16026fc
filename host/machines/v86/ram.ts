import type { GuestRamBlock } from '../contract';
import type { V86Cpu } from './internals';

const KIB = 1024;
/** Below is conventional memory, above extended memory; between are VGA and the BIOS. */
const CONVENTIONAL_END = 640 * KIB;
const EXTENDED_START = 1024 * KIB;

/**
 * A stretch of the guest's RAM. It lies in v86's Wasm memory, whose ArrayBuffer
 * is replaced when v86 grows it: `bytes` is a new view then.
 */
class RamBlock implements GuestRamBlock {
  readonly writable = true;
  readonly #cpu: V86Cpu;
  #view: Uint8Array<ArrayBuffer>;

  constructor(
    cpu: V86Cpu,
    readonly guestAddress: number,
    private readonly size: number,
  ) {
    this.#cpu = cpu;
    this.#view = this.#newView();
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.length === 0) this.#view = this.#newView();
    return this.#view;
  }

  written(bytes: Uint8Array): void {
    const address = bytes.byteOffset - this.#cpu.mem8.byteOffset;
    this.#cpu.jit_dirty_cache(address, address + bytes.length);
  }

  #newView(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#cpu.wasm_memory;
    return new Uint8Array(buffer, this.#cpu.mem8.byteOffset + this.guestAddress, this.size);
  }
}

/** RAM that devices may reach: all but what VGA and the BIOS lie over. */
export function ramOf(cpu: V86Cpu): readonly GuestRamBlock[] {
  const size = cpu.memory_size[0] as number;
  const low = new RamBlock(cpu, 0, CONVENTIONAL_END);
  return size > EXTENDED_START
    ? [low, new RamBlock(cpu, EXTENDED_START, size - EXTENDED_START)]
    : [low];
}
