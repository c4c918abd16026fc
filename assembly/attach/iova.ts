import {
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOVA_RANGE_SIZE,
  IOMMU_IOVA_RANGES_ALLOWED_LO64,
  IOMMU_IOVA_RANGES_IOAS_ID,
  IOMMU_IOVA_RANGES_NUM_IOVAS,
  IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64,
  IOMMU_IOVA_RANGES_SIZE,
} from '../abi/iommufd';
import { EMSGSIZE } from '../abi/linux';
import {
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAP_OFFSET,
  VFIO_IOMMU_INFO_FLAG_CAPS,
  VFIO_IOMMU_INFO_FLAG_PGSIZES,
  VFIO_IOMMU_INFO_FLAGS,
  VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64,
  VFIO_IOMMU_INFO_SIZE,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IOVA_RANGE_NR_IOVAS,
  VFIO_IOVA_RANGE_RANGES,
} from '../abi/vfio';
import { STATUS_OK, STEP_IOMMU_CAPS, STEP_IOMMU_INFO, STEP_IOVA_RANGES } from '../boundary/status';
import { CAP_ABSENT, CAP_BROKEN, findCapability } from '../device/capabilities';
import { fail } from '../device/failure';
import { call, get, prepare, put, putPair } from '../device/scratch';
import { MAX_IOVA_RANGES, MAX_RETRIES } from '../limits';
import { IOVA_RANGE_STRIDE, IOVA_RANGES, SCRATCH, SCRATCH_SIZE } from '../state/layout';
import { device } from '../state/records';

/** What the IOMMU can map: page sizes and I/O virtual address ranges. */

/**
 * Keeps the `count` {first, last} pairs at scratch offset `from`, or none when
 * they are too many to be kept: then the kernel alone says what it maps.
 */
function keepRanges(from: u32, count: u32): void {
  const kept = count > <u32>MAX_IOVA_RANGES ? 0 : count;
  memory.copy(IOVA_RANGES, SCRATCH + from, kept * IOVA_RANGE_STRIDE);
  device.iovaRangeCount = kept;
}

function parseType1(size: u32): i32 {
  const flags = get(VFIO_IOMMU_INFO_FLAGS);
  if (flags & VFIO_IOMMU_INFO_FLAG_PGSIZES) {
    device.pageSizesLow = get(VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64);
    device.pageSizesHigh = get(VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64 + 4);
  }
  if ((flags & VFIO_IOMMU_INFO_FLAG_CAPS) == 0) return STATUS_OK;
  const first = get(VFIO_IOMMU_INFO_CAP_OFFSET);
  const ranges = findCapability(
    first,
    VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
    VFIO_IOVA_RANGE_RANGES,
    size,
  );
  if (ranges == CAP_BROKEN) return fail(STEP_IOMMU_CAPS, 0, first);
  if (ranges == CAP_ABSENT) return STATUS_OK;
  const count = get(ranges + VFIO_IOVA_RANGE_NR_IOVAS);
  const room = (size - ranges - VFIO_IOVA_RANGE_RANGES) / IOVA_RANGE_STRIDE;
  if (count > room) return fail(STEP_IOMMU_CAPS, 0, ranges);
  keepRanges(ranges + VFIO_IOVA_RANGE_RANGES, count);
  return STATUS_OK;
}

/** VFIO_IOMMU_GET_INFO on the container, growing argsz until it fits. */
export function askContainer(): i32 {
  let size: u32 = VFIO_IOMMU_INFO_SIZE;
  for (let i = 0; i < MAX_RETRIES; i++) {
    prepare(size);
    const result = call(device.container, VFIO_IOMMU_GET_INFO);
    if (result < 0) return fail(STEP_IOMMU_INFO, result, 0);
    const wanted = get(0);
    if (wanted <= size) return parseType1(size);
    if (wanted > <u32>SCRATCH_SIZE) break;
    size = wanted;
  }
  return fail(STEP_IOMMU_INFO, 0, get(0));
}

/** IOMMU_IOAS_IOVA_RANGES; the first call only tells how many there are. */
export function askIoas(): i32 {
  let room: u32 = 0;
  for (let i = 0; i < MAX_RETRIES; i++) {
    prepare(IOMMU_IOVA_RANGES_SIZE + room * IOMMU_IOVA_RANGE_SIZE);
    put(0, IOMMU_IOVA_RANGES_SIZE);
    put(IOMMU_IOVA_RANGES_IOAS_ID, device.ioas);
    put(IOMMU_IOVA_RANGES_NUM_IOVAS, room);
    putPair(IOMMU_IOVA_RANGES_ALLOWED_LO64, IOMMU_IOVA_RANGES_SIZE, 0);
    const result = call(device.iommufd, IOMMU_IOAS_IOVA_RANGES);
    const count = get(IOMMU_IOVA_RANGES_NUM_IOVAS);
    if (result == 0 && count <= room) {
      keepRanges(IOMMU_IOVA_RANGES_SIZE, count);
      device.pageSizesLow = get(IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64);
      device.pageSizesHigh = get(IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64 + 4);
      return STATUS_OK;
    }
    if (result < 0 && result != -EMSGSIZE) return fail(STEP_IOVA_RANGES, result, 0);
    if (count > <u32>((SCRATCH_SIZE - IOMMU_IOVA_RANGES_SIZE) / IOMMU_IOVA_RANGE_SIZE)) break;
    room = count;
  }
  return fail(STEP_IOVA_RANGES, 0, get(IOMMU_IOVA_RANGES_NUM_IOVAS));
}

/** Whether the IOMMU maps all of `[iova, iova + size)`, as far as it has said. */
export function isMappable(iova: u64, size: u64): bool {
  const count = device.iovaRangeCount;
  for (let i: u32 = 0; i < count; i++) {
    const range = IOVA_RANGES + i * IOVA_RANGE_STRIDE;
    const first = load<u64>(range);
    const last = load<u64>(range + 8);
    if (iova >= first && iova <= last && size - 1 <= last - iova) return true;
  }
  return count == 0;
}
