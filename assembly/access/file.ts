import { EIO } from '../abi/linux';
import * as host from '../boundary/host';
import { ACCESS_FAILED, ACCESS_SHORT } from '../boundary/status';
import { device, RegionRecord } from '../state/records';
import { reportAccess } from './report';

/** Accesses through pread and pwrite on the device, for what is not mapped. */

/** Whether `result` is the whole access; reports it when not. */
function isWhole(result: i32, index: u32, offset: u32, width: u32, write: bool): bool {
  if (result == width) return true;
  if (result < 0) reportAccess(ACCESS_FAILED, -result, index, offset, width, write);
  else reportAccess(ACCESS_SHORT, EIO, index, offset, width, write);
  return false;
}

function highOffset(region: RegionRecord, low: u32): u32 {
  return region.offsetHigh + (low < region.offsetLow ? 1 : 0);
}

/** Reads `width` (1, 2, 4, 8) bytes to `buffer`; false when that failed. */
export function readFile(
  region: RegionRecord,
  index: u32,
  offset: u32,
  width: u32,
  buffer: u32,
): bool {
  const low = region.offsetLow + offset;
  const result = host.pread(device.device, buffer, width, low, highOffset(region, low));
  return isWhole(result, index, offset, width, false);
}

/** Writes `width` (1, 2, 4, 8) bytes from `buffer`; false when that failed. */
export function writeFile(
  region: RegionRecord,
  index: u32,
  offset: u32,
  width: u32,
  buffer: u32,
): bool {
  const low = region.offsetLow + offset;
  const result = host.pwrite(device.device, buffer, width, low, highOffset(region, low));
  return isWhole(result, index, offset, width, true);
}
