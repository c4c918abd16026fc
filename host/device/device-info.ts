import {
  VFIO_DEVICE_FLAGS_AMBA,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
} from '../../assembly/abi/vfio';
import * as options from '../../assembly/boundary/options';
import { MAX_AREAS_PER_REGION } from '../../assembly/limits';
import * as layout from '../../assembly/state/layout';
import type { CoreMemory } from '../core/core-memory';
import { readRecord } from '../core/fields';
import type { EoiSource } from '../options/options';

/** A part of a region that is mapped. */
export interface MappedArea {
  /** Byte offset in the region. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Address in the core's linear memory. */
  readonly pointer: number;
  /** The host performs each access, because the device has side effects that memory has not. */
  readonly byHost: boolean;
}

/** One MMIO region of the device. */
export interface RegionInfo {
  readonly index: number;
  /** Bytes; 0 when there is no region at this index. */
  readonly size: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly mapped: readonly MappedArea[];
  /** errno with which mapping failed; such a region is served by pread and pwrite. */
  readonly mmapErrno: number | undefined;
}

/** One interrupt line of the device. */
export interface LineInfo {
  readonly index: number;
  readonly trigger: 'edge' | 'level';
  readonly maskable: boolean;
  /** Whether the kernel can signal it at all. */
  readonly usable: boolean;
  readonly eoi: EoiSource;
  readonly armed: 'no' | 'user' | 'irqfd';
  readonly state: 'inactive' | 'pending' | 'active';
  /** The virtual line is up. */
  readonly up: boolean;
  /** Masked by maskLine(). */
  readonly maskRequested: boolean;
  /** An unmask failed and is tried again. */
  readonly retrying: boolean;
  /** All unmask attempts failed. */
  readonly stuck: boolean;
  /** Edges that will be injected after the next EOI. */
  readonly waiting: number;
  readonly statistics: LineStatistics;
}

/** Counters of one line since the device was opened, modulo 2^32. */
export interface LineStatistics {
  /** Signals that the eventfd counted. */
  readonly signals: number;
  readonly injections: number;
  readonly completions: number;
  /** Signals that were merged with one that was waiting already. */
  readonly coalesced: number;
  /** Wake-ups without a signal. */
  readonly spurious: number;
  /** Signals of an auto-masked line before its EOI. */
  readonly unexpected: number;
  readonly unmaskFailures: number;
  readonly stalls: number;
}

/** Counters of the device since it was opened, modulo 2^32. */
export interface DeviceStatistics {
  /** Trapped accesses that were allowed to reach the device. */
  readonly reads: number;
  readonly writes: number;
  /** Accesses that the kernel failed. */
  readonly failed: number;
  /** Accesses that were not allowed to reach the device. */
  readonly refused: number;
  readonly safePoints: number;
  readonly resets: number;
  readonly mappingSwitches: number;
  readonly unmaskRetries: number;
}

const EOI_NAMES: readonly (EoiSource | undefined)[] = [
  undefined,
  'irqchip',
  'register',
  'write',
  'access',
];

export function readRegion(memory: CoreMemory, index: number): RegionInfo {
  const record = readRecord(memory, 'RegionRecord', layout.REGIONS + index * layout.REGION_STRIDE);
  const mapped: MappedArea[] = [];
  for (let i = 0; i < record.areaCount; i++) {
    const address = layout.AREAS + (index * MAX_AREAS_PER_REGION + i) * layout.AREA_STRIDE;
    const area = readRecord(memory, 'AreaRecord', address);
    mapped.push({
      offset: area.start,
      size: area.end - area.start,
      pointer: area.pointer,
      byHost: area.byHost !== 0,
    });
  }
  return {
    index,
    size: (BigInt(record.sizeHigh) << 32n) | BigInt(record.sizeLow),
    readable: (record.flags & VFIO_REGION_INFO_FLAG_READ) !== 0,
    writable: (record.flags & VFIO_REGION_INFO_FLAG_WRITE) !== 0,
    mapped,
    mmapErrno: record.mmapErrno === 0 ? undefined : record.mmapErrno,
  };
}

export function readLine(memory: CoreMemory, index: number): LineInfo {
  const { irqFlags, irqCount, armed } = readRecord(
    memory,
    'LineBinding',
    layout.LINE_BINDINGS + index * layout.LINE_BINDING_STRIDE,
  );
  const { state, flags, eoi, again } = readRecord(
    memory,
    'LineRecord',
    layout.LINES + index * layout.LINE_STRIDE,
  );
  return {
    index,
    trigger: (irqFlags & VFIO_IRQ_INFO_AUTOMASKED) !== 0 ? 'level' : 'edge',
    maskable: (irqFlags & VFIO_IRQ_INFO_MASKABLE) !== 0,
    usable: irqCount === 1 && (irqFlags & VFIO_IRQ_INFO_EVENTFD) !== 0,
    eoi: EOI_NAMES[eoi] ?? 'access',
    armed: armed === options.ARM_IRQFD ? 'irqfd' : armed === options.ARM_USER ? 'user' : 'no',
    state:
      state === options.LINE_ACTIVE
        ? 'active'
        : state === options.LINE_PENDING
          ? 'pending'
          : 'inactive',
    up: (flags & options.LINE_UP) !== 0,
    maskRequested: (flags & options.LINE_MASK_REQUESTED) !== 0,
    retrying: (flags & options.LINE_RETRYING) !== 0,
    stuck: (flags & options.LINE_STUCK) !== 0,
    waiting: again,
    statistics: readLineStatistics(memory, index, state === options.LINE_ACTIVE),
  };
}

function readLineStatistics(memory: CoreMemory, index: number, active: boolean): LineStatistics {
  const { abandoned, ...counters } = readRecord(
    memory,
    'LineStatistics',
    layout.LINE_STATISTICS + index * layout.LINE_STATISTICS_STRIDE,
  );
  // The core counts how injections end; one that has not ended is there to see.
  const injections = counters.completions + abandoned + (active ? 1 : 0);
  return { ...counters, injections: injections >>> 0 };
}

export function readStatistics(memory: CoreMemory): DeviceStatistics {
  return readRecord(memory, 'DeviceStatistics', layout.DEVICE_STATISTICS);
}

/** Whether VFIO_DEVICE_RESET works, and on which bus the device is. */
export function readDeviceFlags(memory: CoreMemory): {
  resettable: boolean;
  bus: 'platform' | 'amba';
} {
  const { flags } = readRecord(memory, 'DeviceRecord', layout.DEVICE);
  return {
    resettable: (flags & VFIO_DEVICE_FLAGS_RESET) !== 0,
    bus: (flags & VFIO_DEVICE_FLAGS_AMBA) !== 0 ? 'amba' : 'platform',
  };
}
