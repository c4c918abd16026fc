import { PROT_READ, PROT_WRITE } from '../../../assembly/abi/linux';
import type { WindowMapping } from '../../boundary/kernel';
import type { Counters } from './counters';
import type { OpenFile } from './open-file';
import type { DeviceRegion } from './region';

function allOnes(width: number): number {
  return width >= 4 ? 0xffffffff : 2 ** (8 * width) - 1;
}

/** Where a window lies, in the region and in the core's linear memory. */
export interface WindowPlace {
  readonly memory: WebAssembly.Memory;
  /** Byte offset in `memory`, page aligned. */
  readonly pointer: number;
  /** Bytes, whole pages. */
  readonly length: number;
  /** First byte of the region that shows. */
  readonly start: number;
}

/**
 * One mmap of a device region. It keeps its file open until it is taken away,
 * like a VMA does.
 */
export class RegionWindow implements WindowMapping {
  readonly inMemory: boolean;
  readonly #file: OpenFile;
  readonly #region: DeviceRegion;
  readonly #place: WindowPlace;
  readonly #protection: number;
  readonly #counters: Counters;
  #mapped = true;

  constructor(
    file: OpenFile,
    region: DeviceRegion,
    place: WindowPlace,
    protection: number,
    counters: Counters,
  ) {
    this.#file = file;
    this.#region = region;
    this.#place = place;
    this.#protection = protection;
    this.#counters = counters;
    // Only a window onto the whole region can be its storage; parts are host-performed.
    this.inMemory =
      place.start === 0 &&
      place.length === region.size &&
      region.moveInto(place.memory, place.pointer);
    file.acquire();
    counters.mappings++;
  }

  /** Where real hardware would take a bus error or a SIGSEGV, this reads all ones. */
  read(offset: number, width: number): number {
    if (!this.#mapped) return 0;
    if ((this.#protection & PROT_READ) === 0 || !this.#contains(offset, width)) {
      return allOnes(width);
    }
    const at = this.#place.start + offset;
    if (width === 4 && at % 4 === 0) return this.#region.load(at, 4);
    if (width === 2 && at % 2 === 0) return this.#region.load(at, 2);
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) {
      value = value * 256 + this.#region.load(at + lane, 1);
    }
    return value;
  }

  write(offset: number, width: number, value: number): void {
    if (!this.#mapped || (this.#protection & PROT_WRITE) === 0) return;
    if (!this.#contains(offset, width)) return;
    const at = this.#place.start + offset;
    if (width === 4 && at % 4 === 0) this.#region.store(at, 4, value >>> 0);
    else if (width === 2 && at % 2 === 0) this.#region.store(at, 2, value & 0xffff);
    else {
      for (let lane = 0; lane < width; lane++) {
        this.#region.store(at + lane, 1, (value >>> (8 * lane)) & 0xff);
      }
    }
  }

  unmap(): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    if (this.inMemory) this.#region.moveHome();
    const { memory, pointer, length } = this.#place;
    new Uint8Array(memory.buffer, pointer, length).fill(0);
    this.#counters.mappings--;
    this.#file.put();
  }

  #contains(offset: number, width: number): boolean {
    return (
      (width === 1 || width === 2 || width === 4) &&
      Number.isInteger(offset) &&
      offset >= 0 &&
      offset + width <= this.#place.length
    );
  }
}
