import { config } from '../state/records';

/**
 * Bytes of the next chunk of an access (spec S5): the largest power of two
 * that is at most 8, at most `remaining` and divides `offset`, and that the
 * device accepts; 0 when it accepts none.
 */
export function chunkAt(offset: u32, remaining: u32): u32 {
  const alignment = offset == 0 ? 8 : offset & -offset;
  const fitting = min<u32>(min<u32>(1 << (31 - clz(remaining)), alignment), 8);
  // Bit w stands for width w, and widths are powers of two.
  const accepted = <u32>config.accessWidths & ((2 << fitting) - 1);
  return accepted == 0 ? 0 : 31 - clz(accepted);
}
