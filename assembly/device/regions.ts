import { EINVAL, ENOSPC, PAGE_SIZE, PROT_READ, PROT_WRITE } from '../abi/linux';
import {
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_INDEX,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE,
  VFIO_REGION_INFO_SIZE_LO64,
  VFIO_SPARSE_MMAP_AREA_OFFSET_LO64,
  VFIO_SPARSE_MMAP_AREA_SIZE,
  VFIO_SPARSE_MMAP_AREA_SIZE_LO64,
  VFIO_SPARSE_MMAP_AREAS,
  VFIO_SPARSE_MMAP_NR_AREAS,
} from '../abi/vfio';
import { closeShortPath } from '../access/short-path';
import * as host from '../boundary/host';
import { WINDOW_BY_HOST } from '../boundary/nodes';
import { STATUS_FAILED, STATUS_OK, STEP_REGION_CAPS, STEP_REGION_INFO } from '../boundary/status';
import { TRACE_REGION_MMAP, TRACE_REGION_MMAP_FAILED } from '../boundary/trace-events';
import { trace } from '../irq/effects';
import { MAX_AREAS_PER_REGION, MAX_RETRIES, WINDOW_ALIGNMENT } from '../limits';
import { SCRATCH_SIZE } from '../state/layout';
import { areaAt, config, device, RegionRecord, regionAt } from '../state/records';
import { CAP_ABSENT, CAP_BROKEN, findCapability } from './capabilities';
import { fail } from './failure';
import { call, get, getPair, prepare, put } from './scratch';

/** Regions: GET_REGION_INFO and the mapping into linear memory (spec S4). */

/** Asks for the region, growing argsz until the capabilities fit; gives the size that did, or 0. */
function askRegion(index: u32): u32 {
  let size: u32 = VFIO_REGION_INFO_SIZE;
  for (let i = 0; i < MAX_RETRIES; i++) {
    prepare(size);
    put(VFIO_REGION_INFO_INDEX, index);
    const result = call(device.device, VFIO_DEVICE_GET_REGION_INFO);
    if (result < 0) {
      fail(STEP_REGION_INFO, result, index);
      return 0;
    }
    const wanted = get(0);
    if (wanted <= size) return size;
    if (wanted > <u32>SCRATCH_SIZE) break;
    size = wanted;
  }
  fail(STEP_REGION_INFO, 0, index);
  return 0;
}

/** Notes `[start, end)` as an area to map; windows come later. */
function addArea(region: RegionRecord, index: u32, start: u32, end: u32): void {
  const area = areaAt(index, region.areaCount);
  area.start = start;
  area.end = end;
  area.pointer = 0;
  area.byHost = 0;
  region.areaCount++;
}

/** The areas of the SPARSE_MMAP capability at scratch offset `capability`. */
function addSparseAreas(region: RegionRecord, index: u32, capability: u32, size: u32): i32 {
  const count = get(capability + VFIO_SPARSE_MMAP_NR_AREAS);
  const room = (size - capability - VFIO_SPARSE_MMAP_AREAS) / VFIO_SPARSE_MMAP_AREA_SIZE;
  if (count > room) return fail(STEP_REGION_CAPS, 0, index);
  for (let i: u32 = 0; i < count; i++) {
    const entry = capability + VFIO_SPARSE_MMAP_AREAS + i * VFIO_SPARSE_MMAP_AREA_SIZE;
    const start = getPair(entry + VFIO_SPARSE_MMAP_AREA_OFFSET_LO64);
    const length = getPair(entry + VFIO_SPARSE_MMAP_AREA_SIZE_LO64);
    if (length == 0) continue;
    const size = <u64>region.sizeLow | ((<u64>region.sizeHigh) << 32);
    if (length > size || start > size - length) return fail(STEP_REGION_CAPS, 0, index);
    if (start + length > <u64>region.limit) {
      // True, but beyond what accesses reach: pread serves the region.
      region.areaCount = 0;
      region.mmapErrno = ENOSPC;
      break;
    }
    if (region.areaCount == <u32>MAX_AREAS_PER_REGION) {
      region.mmapErrno = ENOSPC;
      break;
    }
    addArea(region, index, <u32>start, <u32>(start + length));
  }
  return STATUS_OK;
}

function findAreas(region: RegionRecord, index: u32, size: u32): i32 {
  const flags = region.flags;
  if (config.noMmap != 0 || (flags & VFIO_REGION_INFO_FLAG_MMAP) == 0) return STATUS_OK;
  if ((flags & (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)) == 0) return STATUS_OK;
  if ((flags & VFIO_REGION_INFO_FLAG_CAPS) != 0) {
    const first = get(VFIO_REGION_INFO_CAP_OFFSET);
    const capability = findCapability(
      first,
      VFIO_REGION_INFO_CAP_SPARSE_MMAP,
      VFIO_SPARSE_MMAP_AREAS,
      size,
    );
    if (capability == CAP_BROKEN) return fail(STEP_REGION_CAPS, 0, index);
    if (capability != CAP_ABSENT) return addSparseAreas(region, index, capability, size);
  }
  if (region.sizeHigh != 0) region.mmapErrno = ENOSPC;
  else addArea(region, index, 0, region.limit);
  return STATUS_OK;
}

/** Asks for region `index` and fills its record; maps nothing yet. */
export function discoverRegion(index: u32): i32 {
  const size = askRegion(index);
  if (size == 0) return STATUS_FAILED;
  const region = regionAt(index);
  region.flags = get(VFIO_REGION_INFO_FLAGS);
  region.sizeLow = get(VFIO_REGION_INFO_SIZE_LO64);
  region.sizeHigh = get(VFIO_REGION_INFO_SIZE_LO64 + 4);
  region.offsetLow = get(VFIO_REGION_INFO_OFFSET_LO64);
  region.offsetHigh = get(VFIO_REGION_INFO_OFFSET_LO64 + 4);
  region.limit = region.sizeHigh != 0 ? -1 : region.sizeLow;
  region.areaCount = 0;
  region.mmapErrno = 0;
  if (region.limit == 0) return STATUS_OK;
  return findAreas(region, index, size);
}

/** The window for `length` bytes, or 0 when the address space is used up. */
function takeWindow(length: u32): u32 {
  const start = device.windowNext;
  const room = config.windowEnd - start;
  if (length > room) return 0;
  const padded = (length + WINDOW_ALIGNMENT - 1) & ~(WINDOW_ALIGNMENT - 1);
  device.windowNext = start + min(padded, room);
  return start;
}

/** Maps one area; 0 or the errno. */
function mapArea(region: RegionRecord, index: u32, which: u32): u32 {
  const area = areaAt(index, which);
  const length = area.end - area.start;
  if (((area.start | length) & (PAGE_SIZE - 1)) != 0) return EINVAL;
  const pointer = takeWindow(length);
  if (pointer == 0) return ENOSPC;
  const protection =
    (region.flags & VFIO_REGION_INFO_FLAG_READ ? PROT_READ : 0) |
    (region.flags & VFIO_REGION_INFO_FLAG_WRITE ? PROT_WRITE : 0);
  const low = region.offsetLow + area.start;
  const high = region.offsetHigh + (low < region.offsetLow ? 1 : 0);
  const result = host.mmap(pointer, length, protection, device.device, low, high);
  if (result < 0) return -result;
  area.pointer = pointer;
  area.byHost = result == WINDOW_BY_HOST ? 1 : 0;
  device.mappedAreas++;
  trace(TRACE_REGION_MMAP, index, area.start, length);
  return 0;
}

function unmapArea(index: u32, which: u32): void {
  const area = areaAt(index, which);
  if (area.pointer == 0) return;
  host.munmap(area.pointer, area.end - area.start);
  area.pointer = 0;
  device.mappedAreas--;
}

function unmapRegion(index: u32): void {
  const region = regionAt(index);
  for (let i: u32 = 0; i < region.areaCount; i++) unmapArea(index, i);
  region.areaCount = 0;
  closeShortPath(region);
}

/**
 * Maps the areas of every region. A region of which one area fails is served
 * through pread and pwrite altogether, and its record keeps the errno.
 */
export function mapRegions(): void {
  for (let index: u32 = 0; index < device.regionCount; index++) {
    const region = regionAt(index);
    for (let i: u32 = 0; i < region.areaCount; i++) {
      const errno = mapArea(region, index, i);
      if (errno == 0) continue;
      region.mmapErrno = errno;
      unmapRegion(index);
    }
    if (region.mmapErrno != 0) trace(TRACE_REGION_MMAP_FAILED, index, region.mmapErrno, 0);
  }
}

export function unmapRegions(): void {
  for (let index: u32 = 0; index < device.regionCount; index++) unmapRegion(index);
  device.windowNext = config.windowStart;
}
