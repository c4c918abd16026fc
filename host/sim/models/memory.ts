import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion, ModelWidth } from './model';

// The doorbell region: 32-bit registers, one bit per line (lines 0 … 31).
const DOORBELL = 0x00;
const LEVELS = 0x04;
const CLEAR = 0x08;

const DOORBELL_BYTES = 0x1000;
const DOORBELL_LINES = 32;

/** One region of a {@link MemoryDevice}. */
export interface MemoryRegionOptions {
  /** Bytes, 0 … 2^40 − 1. */
  readonly size: number;
  /** 'rw' unless said otherwise; the simulated kernel enforces it. */
  readonly access?: 'rw' | 'ro' | 'wo' | 'none';
  /**
   * The bytes at first, `size` of them; zeroed ones of the model's own unless
   * given. While the region is mapped the simulated kernel moves them elsewhere:
   * {@link MemoryDevice.bytes} says where. false: no bytes, for regions too big to hold; they read 0 and ignore writes.
   */
  readonly memory?: Uint8Array | false;
  /** Whether VFIO offers mmap; by default it does when the size is a multiple of 4 KiB. */
  readonly mappable?: boolean;
  /** Mappable parts, when VFIO should report a SPARSE_MMAP capability. */
  readonly sparse?: readonly { readonly offset: number; readonly size: number }[];
}

/** Options of {@link MemoryDevice}. */
export interface MemoryDeviceOptions {
  /** Device-tree compatible strings, most specific first. */
  readonly compatible?: readonly string[];
  /** The memory regions; one of 4096 bytes by default. */
  readonly regions?: readonly MemoryRegionOptions[];
  /** Triggers of the interrupt lines; one level line by default. */
  readonly lines?: readonly ('edge' | 'level')[];
  /** Adds a region of registers after the memory by which the guest raises lines; false by default. */
  readonly doorbell?: boolean;
  /** Whether VFIO_DEVICE_RESET works; true by default. */
  readonly resettable?: boolean;
}

/**
 * A device that is only memory, which really can be mapped, with interrupt
 * lines that a test raises by hand.
 *
 * The doorbell region, when asked for, has three 32-bit registers with bit n
 * for line n (lines from 32 on have none); they are written whole:
 * - 0x00 DOORBELL (write): pulses edge lines, raises level lines;
 * - 0x04 LEVELS (read): lines that are high;
 * - 0x08 CLEAR (write): lowers level lines.
 *
 * A reset restores the bytes that the regions had at first, and lowers all lines.
 */
export class MemoryDevice implements DeviceModel {
  readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[];
  readonly resettable: boolean;
  /** Index of the doorbell region, when there is one. */
  readonly doorbellRegion: number | undefined;

  readonly #initial: readonly (Uint8Array | undefined)[];
  readonly #high = new Set<number>();
  #environment: ModelEnvironment | undefined;

  constructor(options: MemoryDeviceOptions = {}) {
    this.compatible = options.compatible ?? ['vfio-platform-wasm,memory'];
    this.resettable = options.resettable ?? true;
    this.irqs = (options.lines ?? ['level']).map((trigger) => ({ trigger }));
    const wanted = options.regions ?? [{ size: 4096 }];
    const regions = wanted.map(backed);
    this.#initial = wanted.map(({ memory }) => (memory ? memory.slice() : undefined));
    if (options.doorbell) {
      this.doorbellRegion = regions.length;
      regions.push({ size: DOORBELL_BYTES });
    }
    this.regions = regions;
  }

  connect(environment: ModelEnvironment): void {
    this.#environment = environment;
  }

  /** The bytes of a memory region; do not keep them, for a mapping moves them. */
  bytes(region: number): Uint8Array {
    const memory = this.regions[region]?.memory;
    if (!memory) throw new RangeError(`region ${region} has no bytes`);
    return memory;
  }

  /** Whether a line is high. */
  isHigh(line: number): boolean {
    return this.#high.has(line);
  }

  /** Sets a line and leaves it there. An edge line fires when it goes from low to high. */
  setLevel(line: number, high = true): void {
    if (!this.irqs[line]) throw new RangeError(`there is no line ${line}`);
    this.#drive(line, high);
  }

  /** Raises a line and lowers it again at once. */
  pulse(line: number): void {
    this.setLevel(line, true);
    this.setLevel(line, false);
  }

  read(region: number, offset: number, width: ModelWidth): number {
    if (region === this.doorbellRegion) return offset === LEVELS ? this.#levels() : 0;
    const memory = this.regions[region]?.memory;
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) {
      value = value * 256 + (memory?.[offset + lane] ?? 0);
    }
    return value;
  }

  write(region: number, offset: number, width: ModelWidth, value: number): void {
    if (region === this.doorbellRegion) {
      this.#ring(offset, value);
      return;
    }
    const memory = this.regions[region]?.memory;
    if (!memory) return;
    for (let lane = 0; lane < width; lane++) memory[offset + lane] = value >>> (8 * lane);
  }

  reset(): void {
    this.regions.forEach(({ memory }, index) => {
      const initial = this.#initial[index];
      if (initial) memory?.set(initial);
      else memory?.fill(0);
    });
    for (const line of [...this.#high]) this.#drive(line, false);
  }

  #levels(): number {
    let levels = 0;
    for (const line of this.#high) if (line < DOORBELL_LINES) levels |= 1 << line;
    return levels >>> 0;
  }

  #ring(register: number, bits: number): void {
    if (register !== DOORBELL && register !== CLEAR) return;
    this.irqs.slice(0, DOORBELL_LINES).forEach(({ trigger }, line) => {
      if (!(bits & (1 << line))) return;
      if (trigger === 'level') this.#drive(line, register === DOORBELL);
      else if (register === DOORBELL) this.pulse(line);
    });
  }

  #drive(line: number, high: boolean): void {
    if (this.#high.has(line) === high) return;
    if (!this.#environment) throw new Error('the model is not connected to a board yet');
    if (high) this.#high.add(line);
    else this.#high.delete(line);
    this.#environment.setLine(line, high);
  }
}

/** A region that is memory, wherever the simulated kernel moves it. */
export function memoryRegion(
  memory: Uint8Array,
  attributes: Omit<ModelRegion, 'size' | 'memory' | 'moveMemory'> = {},
): ModelRegion & { readonly memory: Uint8Array } {
  const region = {
    ...attributes,
    size: memory.length,
    memory,
    moveMemory: (bytes: Uint8Array) => {
      region.memory = bytes;
    },
  };
  return region;
}

function backed(options: MemoryRegionOptions): ModelRegion {
  const { memory, ...attributes } = options;
  if (memory === false) return attributes;
  if (memory && memory.length !== options.size) {
    throw new RangeError(`${memory.length} bytes given for a region of ${options.size}`);
  }
  return memoryRegion(memory ?? new Uint8Array(options.size), attributes);
}
