import { VfioError } from '../errors';
import type { GuestRam } from './guest-ram';

const WASM_PAGE = 0x10000;
const MOST_BYTES = 0x1_0000_0000;

/**
 * Guest RAM that devices can reach by DMA (spec S10): page aligned in the
 * host's address space, never moved, grown or detached, zero at first. An
 * ordinary ArrayBuffer is hardly ever page aligned.
 *
 * @param size bytes, 1 … 2^32
 * @throws VfioError OPTION_INVALID
 */
export function allocGuestRam(size: number): GuestRam {
  if (!(Number.isInteger(size) && size >= 1 && size <= MOST_BYTES)) {
    throw new VfioError('OPTION_INVALID', `guest RAM must have 1 to 2^32 bytes, got ${size}`);
  }
  const pages = Math.ceil(size / WASM_PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return { bytes: new Uint8Array(memory.buffer, 0, size) };
}
