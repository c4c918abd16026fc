import * as host from '../boundary/host';
import { AreaRecord, areaAt, RegionRecord, transient } from '../state/records';

/**
 * Accesses to mapped windows: exact-width single loads and stores. Loads are
 * Wasm atomics, which engines neither drop, merge nor tear. Stores are plain,
 * because an atomic store compiles to XCHG on x86-64 and so also reads the
 * register (spec S5).
 */

/** The area that holds `[offset, offset + width)` of region `index`, or null. */
export function findArea(
  region: RegionRecord,
  index: u32,
  offset: u32,
  width: u32,
): AreaRecord | null {
  const count = region.areaCount;
  for (let i: u32 = 0; i < count; i++) {
    const area = areaAt(index, i);
    if (offset >= area.start && offset < area.end && width <= area.end - offset) return area;
  }
  return null;
}

/** Loads `width` (1, 2, 4) bytes at `pointer`, which `width` divides. */
export function loadMemory(pointer: u32, width: u32): u32 {
  if (width == 4) return atomic.load<u32>(pointer);
  return width == 1 ? atomic.load<u8>(pointer) : atomic.load<u16>(pointer);
}

/** Stores `width` (1, 2, 4) bytes at `pointer`, which `width` divides. */
export function storeMemory(pointer: u32, width: u32, value: u32): void {
  if (width == 4) store<u32>(pointer, value);
  else if (width == 1) store<u8>(pointer, <u8>value);
  else store<u16>(pointer, <u16>value);
}

/** Whether the last loadWindow() or storeWindow() failed. Ask after each: it is forgotten with that. */
export function takeWindowFailure(): bool {
  if (transient.windowFailed == 0) return false;
  transient.windowFailed = 0;
  return true;
}

/** Loads `width` (1, 2, 4, 8) bytes at `offset`, which `width` divides; see takeWindowFailure(). */
export function loadWindow(area: AreaRecord, offset: u32, width: u32): u64 {
  const pointer = area.pointer + (offset - area.start);
  if (area.byHost == 0) return width == 8 ? atomic.load<u64>(pointer) : loadMemory(pointer, width);
  if (width != 8) return host.load(pointer, width);
  // No peripheral bus here is wider than 32 bits: the low word goes first.
  const low = <u64>host.load(pointer, 4);
  if (transient.windowFailed != 0) return low;
  return low | ((<u64>host.load(pointer + 4, 4)) << 32);
}

/** Stores `width` (1, 2, 4, 8) bytes at `offset`, which `width` divides; see takeWindowFailure(). */
export function storeWindow(area: AreaRecord, offset: u32, width: u32, value: u64): void {
  const pointer = area.pointer + (offset - area.start);
  if (area.byHost == 0) {
    if (width == 8) store<u64>(pointer, value);
    else storeMemory(pointer, width, <u32>value);
  } else if (width != 8) {
    host.store(pointer, width, <u32>value);
  } else {
    host.store(pointer, 4, <u32>value);
    if (transient.windowFailed == 0) host.store(pointer + 4, 4, <u32>(value >> 32));
  }
}
