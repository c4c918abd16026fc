import { EFAULT, EINVAL, PAGE_SIZE } from '../../../assembly/abi/linux';
import {
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
} from '../../../assembly/abi/vfio';
import type { DeviceModel, ModelRegion } from '../models/model';

/** Bytes of a region that a window of linear memory stores while it is mapped. */
interface MovedMemory {
  readonly memory: WebAssembly.Memory;
  readonly pointer: number;
  readonly home: Uint8Array;
}

function flagsOf(region: ModelRegion): number {
  const access = region.access ?? 'rw';
  if (region.size === 0 || access === 'none') return 0;
  let flags = 0;
  if (access !== 'wo') flags |= VFIO_REGION_INFO_FLAG_READ;
  if (access !== 'ro') flags |= VFIO_REGION_INFO_FLAG_WRITE;
  const mappable = region.mappable ?? region.size % PAGE_SIZE === 0;
  return mappable ? flags | VFIO_REGION_INFO_FLAG_MMAP : flags;
}

/** One region of an assigned device, and how the kernel transfers data to and from it. */
export class DeviceRegion {
  readonly index: number;
  readonly size: number;
  /** VFIO_REGION_INFO_FLAG_*. */
  readonly flags: number;
  readonly model: ModelRegion;
  readonly #device: DeviceModel;
  #moved: MovedMemory | undefined;

  constructor(device: DeviceModel, index: number, model: ModelRegion) {
    this.#device = device;
    this.index = index;
    this.size = model.size;
    this.flags = flagsOf(model);
    this.model = model;
  }

  /**
   * The kernel's read loop: four bytes at a time where aligned, else two, else
   * one; at the end of the region it stops short.
   * @returns bytes transferred or −errno
   */
  read(memory: Uint8Array, pointer: number, length: number, offset: number): number {
    if ((this.flags & VFIO_REGION_INFO_FLAG_READ) === 0) return -EINVAL;
    if (offset >= this.size) return -EINVAL;
    const count = Math.min(length, this.size - offset);
    if (pointer + count > memory.byteLength) return -EFAULT;
    for (let done = 0; done < count; ) {
      const at = offset + done;
      const left = count - done;
      const to = pointer + done;
      if (left >= 4 && at % 4 === 0) {
        const value = this.load(at, 4);
        memory[to] = value;
        memory[to + 1] = value >>> 8;
        memory[to + 2] = value >>> 16;
        memory[to + 3] = value >>> 24;
        done += 4;
      } else if (left >= 2 && at % 2 === 0) {
        const value = this.load(at, 2);
        memory[to] = value;
        memory[to + 1] = value >>> 8;
        done += 2;
      } else {
        memory[to] = this.load(at, 1);
        done += 1;
      }
    }
    return count;
  }

  /** The write loop, split as {@link read} is. @returns bytes transferred or −errno */
  write(memory: Uint8Array, pointer: number, length: number, offset: number): number {
    if ((this.flags & VFIO_REGION_INFO_FLAG_WRITE) === 0) return -EINVAL;
    if (offset >= this.size) return -EINVAL;
    const count = Math.min(length, this.size - offset);
    if (pointer + count > memory.byteLength) return -EFAULT;
    for (let done = 0; done < count; ) {
      const at = offset + done;
      const left = count - done;
      const from = pointer + done;
      const low = memory[from] as number;
      if (left >= 4 && at % 4 === 0) {
        const second = memory[from + 1] as number;
        const third = memory[from + 2] as number;
        const top = memory[from + 3] as number;
        this.store(at, 4, (low | (second << 8) | (third << 16) | (top << 24)) >>> 0);
        done += 4;
      } else if (left >= 2 && at % 2 === 0) {
        this.store(at, 2, low | ((memory[from + 1] as number) << 8));
        done += 2;
      } else {
        this.store(at, 1, low);
        done += 1;
      }
    }
    return count;
  }

  /** One naturally aligned load inside the region. */
  load(offset: number, width: 1 | 2 | 4): number {
    if (this.#moved !== undefined) this.#follow();
    const memory = this.model.memory;
    if (memory === undefined) return this.#device.read(this.index, offset, width) >>> 0;
    let value = memory[offset] as number;
    if (width > 1) value |= (memory[offset + 1] as number) << 8;
    if (width > 2) {
      value |= ((memory[offset + 2] as number) << 16) | ((memory[offset + 3] as number) << 24);
    }
    return value >>> 0;
  }

  /** One naturally aligned store inside the region. */
  store(offset: number, width: 1 | 2 | 4, value: number): void {
    if (this.#moved !== undefined) this.#follow();
    const memory = this.model.memory;
    if (memory === undefined) {
      this.#device.write(this.index, offset, width, value);
      return;
    }
    memory[offset] = value;
    if (width > 1) memory[offset + 1] = value >>> 8;
    if (width > 2) {
      memory[offset + 2] = value >>> 16;
      memory[offset + 3] = value >>> 24;
    }
  }

  /**
   * Makes the window the storage of a plain-memory region, contents included.
   * @returns false when the region has no storage that can move, or it has moved already
   */
  moveInto(memory: WebAssembly.Memory, pointer: number): boolean {
    const home = this.model.memory;
    if (home === undefined || !this.model.moveMemory || this.#moved !== undefined) return false;
    if (home.byteLength !== this.size) return false;
    const window = new Uint8Array(memory.buffer, pointer, this.size);
    window.set(home);
    this.model.moveMemory(window);
    this.#moved = { memory, pointer, home };
    return true;
  }

  /** Gives a region that {@link moveInto} moved its own storage back, contents included. */
  moveHome(): void {
    const moved = this.#moved;
    if (moved === undefined) return;
    this.#moved = undefined;
    moved.home.set(new Uint8Array(moved.memory.buffer, moved.pointer, this.size));
    this.model.moveMemory?.(moved.home);
  }

  /** memory.grow detaches the old buffer; the window is then at the same place of the new one. */
  #follow(): void {
    const { memory, pointer } = this.#moved as MovedMemory;
    if (this.model.memory?.byteLength === this.size) return;
    this.model.moveMemory?.(new Uint8Array(memory.buffer, pointer, this.size));
  }
}
