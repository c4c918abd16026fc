import {
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_FLAGS,
  IOMMU_IOAS_MAP_IOAS_ID,
  IOMMU_IOAS_MAP_IOVA_LO64,
  IOMMU_IOAS_MAP_LENGTH_LO64,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_SIZE,
  IOMMU_IOAS_MAP_USER_VA_LO64,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  IOMMU_IOAS_UNMAP_IOAS_ID,
  IOMMU_IOAS_UNMAP_IOVA_LO64,
  IOMMU_IOAS_UNMAP_LENGTH_LO64,
  IOMMU_IOAS_UNMAP_SIZE,
} from '../abi/iommufd';
import { EBUSY, EINVAL, ENOENT, PAGE_SIZE } from '../abi/linux';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_MAP_FLAGS,
  VFIO_DMA_MAP_IOVA_LO64,
  VFIO_DMA_MAP_SIZE,
  VFIO_DMA_MAP_SIZE_LO64,
  VFIO_DMA_MAP_VADDR_LO64,
  VFIO_DMA_UNMAP_IOVA_LO64,
  VFIO_DMA_UNMAP_SIZE,
  VFIO_DMA_UNMAP_SIZE_LO64,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
} from '../abi/vfio';
import { RAM_HANDLE_SHIFT } from '../boundary/nodes';
import {
  BACKEND_CDEV,
  BACKEND_NOIOMMU,
  PHASE_ATTACHED,
  PHASE_CLOSED,
  PHASE_OPEN,
} from '../boundary/options';
import {
  STATUS_CLOSED,
  STATUS_INVALID,
  STATUS_OK,
  STATUS_WRONG_PHASE,
  STEP_DMA_FULL,
  STEP_DMA_MAP,
  STEP_DMA_RANGE,
  STEP_DMA_UNALIGNED,
  STEP_DMA_UNMAP,
  STEP_DMA_UNSUPPORTED,
} from '../boundary/status';
import { fail } from '../device/failure';
import { call, prepare, put, putPair } from '../device/scratch';
import { MAX_DMA_MAPPINGS } from '../limits';
import { DmaRecord, device, dmaAt } from '../state/records';
import { isMappable } from './iova';

/** Guest RAM for the device (spec S10). */

/** Smallest page that the IOMMU maps, in bytes. */
function pageSize(): u32 {
  const low = device.pageSizesLow;
  return low == 0 ? PAGE_SIZE : low & -low;
}

function callUnmap(iova: u64, size: u64): i32 {
  if (device.backend == BACKEND_CDEV) {
    prepare(IOMMU_IOAS_UNMAP_SIZE);
    put(IOMMU_IOAS_UNMAP_IOAS_ID, device.ioas);
    putPair(IOMMU_IOAS_UNMAP_IOVA_LO64, <u32>iova, <u32>(iova >> 32));
    putPair(IOMMU_IOAS_UNMAP_LENGTH_LO64, <u32>size, <u32>(size >> 32));
    const result = call(device.iommufd, IOMMU_IOAS_UNMAP);
    // Nothing there counts as done.
    return result == -ENOENT ? 0 : result;
  }
  prepare(VFIO_DMA_UNMAP_SIZE);
  putPair(VFIO_DMA_UNMAP_IOVA_LO64, <u32>iova, <u32>(iova >> 32));
  putPair(VFIO_DMA_UNMAP_SIZE_LO64, <u32>size, <u32>(size >> 32));
  return call(device.container, VFIO_IOMMU_UNMAP_DMA);
}

function unmapRange(iova: u64, size: u64): i32 {
  const result = callUnmap(iova, size);
  // Older kernels refuse a range that ends at 2^64; all but its last page works.
  if (result != -EINVAL || iova + size != 0) return result;
  return callUnmap(iova, size - pageSize());
}

function callMap(ram: u32, offset: u64, iova: u64, size: u64, writable: bool): i32 {
  const high = <u32>(offset >> 32) | (ram << RAM_HANDLE_SHIFT);
  if (device.backend == BACKEND_CDEV) {
    prepare(IOMMU_IOAS_MAP_SIZE);
    put(
      IOMMU_IOAS_MAP_FLAGS,
      IOMMU_IOAS_MAP_FIXED_IOVA |
        IOMMU_IOAS_MAP_READABLE |
        (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
    );
    put(IOMMU_IOAS_MAP_IOAS_ID, device.ioas);
    putPair(IOMMU_IOAS_MAP_USER_VA_LO64, <u32>offset, high);
    putPair(IOMMU_IOAS_MAP_LENGTH_LO64, <u32>size, <u32>(size >> 32));
    putPair(IOMMU_IOAS_MAP_IOVA_LO64, <u32>iova, <u32>(iova >> 32));
    return call(device.iommufd, IOMMU_IOAS_MAP);
  }
  prepare(VFIO_DMA_MAP_SIZE);
  put(VFIO_DMA_MAP_FLAGS, VFIO_DMA_MAP_FLAG_READ | (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0));
  putPair(VFIO_DMA_MAP_VADDR_LO64, <u32>offset, high);
  putPair(VFIO_DMA_MAP_IOVA_LO64, <u32>iova, <u32>(iova >> 32));
  putPair(VFIO_DMA_MAP_SIZE_LO64, <u32>size, <u32>(size >> 32));
  return call(device.container, VFIO_IOMMU_MAP_DMA);
}

/** A free record, or null when all are taken. */
function freeRecord(): DmaRecord | null {
  for (let i: u32 = 0; i < <u32>MAX_DMA_MAPPINGS; i++) {
    const record = dmaAt(i);
    if (record.mapped == 0) return record;
  }
  return null;
}

/** KiB of memory that the kernel locks for this device when `size` more bytes are mapped. */
function lockedKib(size: u64): u32 {
  let total = size;
  for (let i: u32 = 0; i < <u32>MAX_DMA_MAPPINGS; i++) {
    const record = dmaAt(i);
    if (record.mapped != 0) total += <u64>record.sizeLow | ((<u64>record.sizeHigh) << 32);
  }
  return <u32>min<u64>((total + 1023) >> 10, <u64>u32.MAX_VALUE);
}

function isAttached(): bool {
  return device.phase == PHASE_ATTACHED || device.phase == PHASE_OPEN;
}

/**
 * Maps guest RAM `ram` from byte `offset` on to `iova`, `size` bytes. Only
 * whole IOMMU pages inside the range are mapped: never a byte outside it.
 */
export function dmaMap(
  ram: u32,
  offsetLow: u32,
  offsetHigh: u32,
  iovaLow: u32,
  iovaHigh: u32,
  sizeLow: u32,
  sizeHigh: u32,
  writable: u32,
): i32 {
  if (!isAttached()) return device.phase == PHASE_CLOSED ? STATUS_CLOSED : STATUS_WRONG_PHASE;
  if (device.backend == BACKEND_NOIOMMU) return fail(STEP_DMA_UNSUPPORTED, 0, 0);
  const page = <u64>pageSize();
  let offset = <u64>offsetLow | ((<u64>offsetHigh) << 32);
  let iova = <u64>iovaLow | ((<u64>iovaHigh) << 32);
  const size = <u64>sizeLow | ((<u64>sizeHigh) << 32);
  if (((offset ^ iova) & (page - 1)) != 0) return fail(STEP_DMA_UNALIGNED, 0, <u32>page);
  const skipped = (page - (iova & (page - 1))) & (page - 1);
  if (size < skipped + page) return fail(STEP_DMA_UNALIGNED, 0, <u32>page);
  offset += skipped;
  iova += skipped;
  const mapped = (size - skipped) & ~(page - 1);
  if (!isMappable(iova, mapped)) return fail(STEP_DMA_RANGE, 0, 0);
  const record = freeRecord();
  if (record == null) return fail(STEP_DMA_FULL, 0, MAX_DMA_MAPPINGS);
  let result = callMap(ram, offset, iova, mapped, writable != 0);
  if (result == -EBUSY) {
    unmapRange(iova, mapped);
    result = callMap(ram, offset, iova, mapped, writable != 0);
  }
  if (result < 0) return fail(STEP_DMA_MAP, result, lockedKib(mapped));
  record.iovaLow = <u32>iova;
  record.iovaHigh = <u32>(iova >> 32);
  record.sizeLow = <u32>mapped;
  record.sizeHigh = <u32>(mapped >> 32);
  record.mapped = 1;
  device.dmaCount++;
  return STATUS_OK;
}

function unmapRecord(record: DmaRecord): i32 {
  const iova = <u64>record.iovaLow | ((<u64>record.iovaHigh) << 32);
  const size = <u64>record.sizeLow | ((<u64>record.sizeHigh) << 32);
  record.mapped = 0;
  device.dmaCount--;
  const result = unmapRange(iova, size);
  return result < 0 ? fail(STEP_DMA_UNMAP, result, 0) : STATUS_OK;
}

/** Ends the mapping in which `iova` lies. */
export function dmaUnmap(iovaLow: u32, iovaHigh: u32): i32 {
  if (!isAttached()) return device.phase == PHASE_CLOSED ? STATUS_CLOSED : STATUS_WRONG_PHASE;
  const iova = <u64>iovaLow | ((<u64>iovaHigh) << 32);
  for (let i: u32 = 0; i < <u32>MAX_DMA_MAPPINGS; i++) {
    const record = dmaAt(i);
    if (record.mapped == 0) continue;
    const start = <u64>record.iovaLow | ((<u64>record.iovaHigh) << 32);
    const size = <u64>record.sizeLow | ((<u64>record.sizeHigh) << 32);
    if (iova - start < size) return unmapRecord(record);
  }
  return STATUS_INVALID;
}

/** Ends all mappings; the first failure is kept in the failure record. */
export function dmaUnmapAll(): i32 {
  let status = STATUS_OK;
  for (let i: u32 = 0; i < <u32>MAX_DMA_MAPPINGS; i++) {
    const record = dmaAt(i);
    if (record.mapped == 0) continue;
    const result = unmapRecord(record);
    if (status == STATUS_OK) status = result;
  }
  return status;
}
