import { VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE } from '../abi/vfio';
import { areaAt, config, device, RegionRecord, regionAt } from '../state/records';

/**
 * Where accesses take the short paths: those of read() and write() in
 * access.ts, and the host's own (HOST_READ_END in state/layout.ts).
 */

/** Bit w set: accesses of w bytes may; they are never split. */
export const SHORT_WIDTHS: u32 = (1 << 1) | (1 << 2) | (1 << 4);

export function closeShortPath(region: RegionRecord): void {
  region.shortReadEnd = 0;
  region.shortWriteEnd = 0;
  region.hostReadEnd = 0;
  region.hostWriteEnd = 0;
}

/** Where the region is mapped from its start. */
function openShortPath(region: RegionRecord, index: u32): void {
  if (region.areaCount == 0 || (config.accessWidths & SHORT_WIDTHS) != SHORT_WIDTHS) return;
  const area = areaAt(index, 0);
  if (area.start != 0) return;
  region.shortPointer = area.pointer;
  const readEnd = region.flags & VFIO_REGION_INFO_FLAG_READ ? area.end : 0;
  const writeEnd = region.flags & VFIO_REGION_INFO_FLAG_WRITE ? area.end : 0;
  if (area.byHost != 0) {
    region.hostReadEnd = readEnd;
    region.hostWriteEnd = writeEnd;
  } else {
    region.shortReadEnd = readEnd;
    region.shortWriteEnd = writeEnd;
  }
}

/** Opens the short paths of all regions, or closes them. */
export function setShortPaths(open: bool): void {
  for (let index: u32 = 0; index < device.regionCount; index++) {
    const region = regionAt(index);
    closeShortPath(region);
    if (open) openShortPath(region, index);
  }
}
