import { VFIO_INFO_CAP_HEADER_SIZE, VFIO_INFO_CAP_ID, VFIO_INFO_CAP_NEXT } from '../abi/vfio';
import { MAX_CAPABILITIES } from '../limits';
import { get, getShort } from './scratch';

/** findCapability(): the chain ends without the capability. */
export const CAP_ABSENT: u32 = 0;
/** findCapability(): the chain loops or leaves the structure. */
export const CAP_BROKEN: u32 = 0xffffffff;

/**
 * Looks for capability `id` in the structure of `size` bytes in the scratch
 * area. Nothing that the kernel says is trusted beyond those bytes.
 * @returns its offset, where at least `needed` bytes lie inside the structure
 */
export function findCapability(first: u32, id: u32, needed: u32, size: u32): u32 {
  let offset = first;
  for (let i = 0; i < MAX_CAPABILITIES; i++) {
    if (offset == 0) return CAP_ABSENT;
    if (offset & 3 || offset > size || size - offset < <u32>VFIO_INFO_CAP_HEADER_SIZE) {
      return CAP_BROKEN;
    }
    if (getShort(offset + VFIO_INFO_CAP_ID) == id) {
      return size - offset < needed ? CAP_BROKEN : offset;
    }
    offset = get(offset + VFIO_INFO_CAP_NEXT);
  }
  return CAP_BROKEN;
}
