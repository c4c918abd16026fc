/** Not a region, line, offset or width of any device. */
const NONE = 0xffffffff;

/** A region, line or offset as the core and traces have it: a number that is no unsigned 32-bit one must not wrap around to one. */
export function word(value: number): number {
  return value === value >>> 0 ? value : NONE;
}

/** A width as they have it, of the calls that carry 32 bits: 8 bytes have calls of their own. */
export function narrow(width: number): number {
  return width === 8 ? NONE : word(width);
}
