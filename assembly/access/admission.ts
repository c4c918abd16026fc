import { VFIO_REGION_INFO_FLAG_READ } from '../abi/vfio';
import {
  ACCESS_BAD_WIDTH,
  ACCESS_NO_REGION,
  ACCESS_NOT_READABLE,
  ACCESS_NOT_WRITABLE,
  ACCESS_OUT_OF_BOUNDS,
} from '../boundary/status';
import { device, regionAt, transient } from '../state/records';

/** Bit w set: w is a width that a guest access may have. */
const WIDTHS: u32 = (1 << 1) | (1 << 2) | (1 << 4) | (1 << 8);

/**
 * 0 when the access may reach the device, or why not. `direction` is the
 * region flag that it needs.
 */
export function denial(index: u32, offset: u32, width: u32, direction: u32): u32 {
  if (index >= device.regionCount) return ACCESS_NO_REGION;
  if (width > 8 || ((1 << width) & WIDTHS) == 0) return ACCESS_BAD_WIDTH;
  const region = regionAt(index);
  const limit = region.limit;
  if (width > limit || offset > limit - width) return ACCESS_OUT_OF_BOUNDS;
  if ((region.flags & direction) == 0) {
    return direction == VFIO_REGION_INFO_FLAG_READ ? ACCESS_NOT_READABLE : ACCESS_NOT_WRITABLE;
  }
  return 0;
}

/** What a read that did not reach the device gives: ones, as many as the access has bits. */
export function allOnes(width: u32): u32 {
  transient.valueHigh = -1;
  if (width == 1) return 0xff;
  return width == 2 ? 0xffff : -1;
}
