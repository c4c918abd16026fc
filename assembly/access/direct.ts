import { VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE } from '../abi/vfio';
import { machine, regionAt, transient } from '../state/records';
import { allOnes, denial } from './admission';
import { chunkAt } from './chunks';
import { findArea, loadWindow, storeWindow, takeWindowFailure } from './window';

/**
 * Accesses of a machine that really maps the device into its guest, while the
 * direct mapping is on: nothing is counted, nothing is completed. Where nothing
 * is mapped, or the mapping is off, reads give ones and writes are dropped.
 */

function isDirect(index: u32, offset: u32, width: u32, direction: u32): bool {
  return machine.mappingOn != 0 && denial(index, offset, width, direction) == 0;
}

export function directRead(index: u32, offset: u32, width: u32): u32 {
  if (!isDirect(index, offset, width, VFIO_REGION_INFO_FLAG_READ)) return allOnes(width);
  const region = regionAt(index);
  let value: u64 = 0;
  for (let done: u32 = 0; done < width; ) {
    const chunk = chunkAt(offset + done, width - done);
    const area = chunk != 0 ? findArea(region, index, offset + done, chunk) : null;
    if (area == null) return allOnes(width);
    value |= loadWindow(area, offset + done, chunk) << ((<u64>done) << 3);
    if (takeWindowFailure()) return allOnes(width);
    done += chunk;
  }
  transient.valueHigh = <u32>(value >> 32);
  return <u32>value;
}

export function directWrite(index: u32, offset: u32, width: u32, low: u32, high: u32): void {
  if (!isDirect(index, offset, width, VFIO_REGION_INFO_FLAG_WRITE)) return;
  const region = regionAt(index);
  const value = <u64>low | ((<u64>high) << 32);
  for (let done: u32 = 0; done < width; ) {
    const chunk = chunkAt(offset + done, width - done);
    const area = chunk != 0 ? findArea(region, index, offset + done, chunk) : null;
    if (area == null) return;
    storeWindow(area, offset + done, chunk, value >> ((<u64>done) << 3));
    if (takeWindowFailure()) return;
    done += chunk;
  }
}
