import * as host from '../boundary/host';
import { SCRATCH } from '../state/layout';

/** The kernel structures are built and read in one scratch area. */

/** Clears `size` bytes of the scratch area and writes the leading size field (argsz). */
export function prepare(size: u32): void {
  memory.fill(SCRATCH, 0, size);
  store<u32>(SCRATCH, size);
}

/** Writes a 32-bit field at byte `offset`. */
export function put(offset: u32, value: u32): void {
  store<u32>(SCRATCH + offset, value);
}

/** Writes a 64-bit field at byte `offset`. */
export function putPair(offset: u32, low: u32, high: u32): void {
  store<u32>(SCRATCH + offset, low);
  store<u32>(SCRATCH + offset + 4, high);
}

/** Reads the 32-bit field at byte `offset`. */
export function get(offset: u32): u32 {
  return load<u32>(SCRATCH + offset);
}

/** Reads the 64-bit field at byte `offset`. */
export function getPair(offset: u32): u64 {
  return load<u64>(SCRATCH + offset);
}

/** Reads the 16-bit field at byte `offset`. */
export function getShort(offset: u32): u32 {
  return load<u16>(SCRATCH + offset);
}

/** ioctl with the scratch area as its argument. */
export function call(handle: i32, request: u32): i32 {
  return host.ioctl(handle, request, SCRATCH);
}
