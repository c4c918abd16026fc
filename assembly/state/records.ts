import { MAX_AREAS_PER_REGION, MAX_REGIONS } from '../limits';
import * as layout from './layout';

/**
 * The records of the state block. They are never allocated: each function
 * below gives the record that lies at its fixed address.
 */

@unmanaged
export class ConfigRecord {
  policy: i32;
  noMmap: i32;
  mmapTimeoutMs: i32;
  edgeCount: i32;
  unmaskAttempts: i32;
  accessWidths: i32;
  directMapping: i32;
  defaultEoi: i32;
  trace: i32;
  stallLimitMs: i32;
  windowStart: u32;
  windowEnd: u32;
}

@unmanaged
export class DeviceRecord {
  phase: u32;
  /** Non-zero while a control call is under way. */
  busy: u32;
  backend: u32;
  /** Regions and lines of the open device; 0 before and after. */
  regionCount: u32;
  lineCount: u32;
  flags: u32;
  group: i32;
  container: i32;
  device: i32;
  iommufd: i32;
  ioas: u32;
  kvm: i32;
  pageSizesLow: u32;
  pageSizesHigh: u32;
  iovaRangeCount: u32;
  windowNext: u32;
  dmaCount: u32;
  ruleCount: u32;
  mappedAreas: u32;
  failureStep: u32;
  failureErrno: u32;
  failureDetail: u32;
}

@unmanaged
export class VolatileRecord {
  effectHead: u32;
  effectTail: u32;
  valueHigh: u32;
  firstEffect: u32;
  /** Milliseconds of machine time at the last safe point. */
  nowMs: f64;
  reportWindowMs: f64;
  reportsLeft: u32;
  reportsSuppressed: u32;
  /** Effects that found the ring full. */
  effectsLost: u32;
  /** The last activation of a serialised line, in steps of EOI_STEP (state/layout.ts). */
  activations: u32;
  /** The activation that findStalls() looks at. */
  stallActivation: u32;
  /** The safe point at which that activation was seen first, in milliseconds. */
  serialSinceMs: f64;
  serialStallReported: u32;
  /** Anything that the short paths leave out: tracing, direct mapping, policy qemu, pause. */
  special: u32;
  /** Independent ACTIVE lines in order of activation. */
  oldestIndependent: u32;
  newestIndependent: u32;
  /** machine.paused while a snapshot is being restored. */
  pausedByHost: u32;
  /** Accesses through pread or pwrite that are under way inside each other. */
  accessDepth: u32;
  /** What the next access completes; see state/layout.ts and irq/next-eoi.ts. */
  nextReadEoi: u32;
  nextWriteEoi: u32;
  /** Not 0: the last `load` or `store` has failed; see state/layout.ts. */
  windowFailed: u32;
}

@unmanaged
export class AccessReport {
  reason: u32;
  errno: u32;
  region: u32;
  offset: u32;
  width: u32;
  write: u32;
}

@unmanaged
export class MachineRecord {
  /** The ACTIVE serialised line under policy strict, or NO_LINE. */
  serialActive: u32;
  fifoHead: u32;
  fifoTail: u32;
  /** Lines that are not INACTIVE (policy qemu). */
  outstanding: u32;
  mappingOn: u32;
  timerRunning: u32;
  paused: u32;
  /** The line that was retried last. */
  retryCursor: u32;
}

@unmanaged
export class LineRecord {
  state: u32;
  flags: u32;
  eoi: u32;
  /** Edges that wait for the EOI (policy strict). */
  again: u32;
  next: u32;
  previous: u32;
  unmaskFailures: u32;
  /** Turns at safe points until the next unmask attempt. */
  retryWait: u32;
}

@unmanaged
export class DeviceStatistics {
  reads: u32;
  writes: u32;
  failed: u32;
  refused: u32;
  safePoints: u32;
  resets: u32;
  mappingSwitches: u32;
  unmaskRetries: u32;
}

@unmanaged
export class LineStatistics {
  /** Signals counted by the eventfd. */
  signals: u32;
  /** ACTIVE lines that were put to rest without an EOI. */
  abandoned: u32;
  completions: u32;
  coalesced: u32;
  spurious: u32;
  unexpected: u32;
  unmaskFailures: u32;
  stalls: u32;
}

@unmanaged
export class LineTiming {
  activeSinceMs: f64;
  /** Where the UP effect was put that last had to wait behind others. */
  upAt: u32;
  next: u32;
  previous: u32;
}

@unmanaged
export class LineBinding {
  irqFlags: u32;
  irqCount: u32;
  armed: u32;
  everArmed: u32;
  trigger: i32;
  resample: i32;
  gsi: u32;
}

@unmanaged
export class RegionRecord {
  flags: u32;
  /** Bytes that an access may reach, at most 2^32 − 1. */
  limit: u32;
  sizeLow: u32;
  sizeHigh: u32;
  offsetLow: u32;
  offsetHigh: u32;
  areaCount: u32;
  /** errno of the first mmap that failed, 0 when all worked. */
  mmapErrno: u32;
  // The short path takes aligned accesses of 1, 2 or 4 bytes below these offsets.
  shortReadEnd: u32;
  shortWriteEnd: u32;
  shortPointer: u32;
  // The same, where the host performs the accesses; 0 while the short paths are closed.
  hostReadEnd: u32;
  hostWriteEnd: u32;
}

@unmanaged
export class AreaRecord {
  start: u32;
  /** First offset behind the area. */
  end: u32;
  pointer: u32;
  byHost: u32;
}

@unmanaged
export class RuleRecord {
  /** Next rule in the same bucket plus 1, 0 at the end. */
  next: u32;
  region: u32;
  offset: u32;
  width: u32;
  direction: u32;
  mask: u32;
  value: u32;
  line: u32;
}

@unmanaged
export class DmaRecord {
  iovaLow: u32;
  iovaHigh: u32;
  sizeLow: u32;
  sizeHigh: u32;
  mapped: u32;
}

if (i32(offsetof<ConfigRecord>()) > layout.CONFIG_SIZE) ERROR('ConfigRecord outgrew its block');
if (i32(offsetof<DeviceRecord>()) > layout.DEVICE_SIZE) ERROR('DeviceRecord outgrew its block');
if (i32(offsetof<VolatileRecord>()) > layout.VOLATILE_SIZE)
  ERROR('VolatileRecord outgrew its block');
if (i32(offsetof<MachineRecord>()) > layout.MACHINE_SIZE) ERROR('MachineRecord outgrew its block');
if (i32(offsetof<DeviceStatistics>()) > layout.DEVICE_STATISTICS_SIZE)
  ERROR('DeviceStatistics outgrew its block');
if (offsetof<LineRecord>() != layout.LINE_STRIDE) ERROR('LineRecord does not fit its stride');
if (offsetof<LineStatistics>() != layout.LINE_STATISTICS_STRIDE)
  ERROR('LineStatistics does not fit its stride');
if (i32(offsetof<LineTiming>()) > layout.LINE_TIMING_STRIDE) ERROR('LineTiming outgrew its stride');
if (i32(offsetof<LineBinding>()) > layout.LINE_BINDING_STRIDE)
  ERROR('LineBinding outgrew its stride');
if (i32(offsetof<RegionRecord>()) > layout.REGION_STRIDE) ERROR('RegionRecord outgrew its stride');
if (offsetof<AreaRecord>() != layout.AREA_STRIDE) ERROR('AreaRecord does not fit its stride');
if (offsetof<RuleRecord>() != layout.RULE_STRIDE) ERROR('RuleRecord does not fit its stride');
if (i32(offsetof<DmaRecord>()) > layout.DMA_STRIDE) ERROR('DmaRecord outgrew its stride');
if (layout.VOLATILE + offsetof<VolatileRecord>('effectHead') != layout.EFFECT_HEAD)
  ERROR('EFFECT_HEAD moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('effectTail') != layout.EFFECT_TAIL)
  ERROR('EFFECT_TAIL moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('valueHigh') != layout.VALUE_HIGH)
  ERROR('VALUE_HIGH moved');

if (layout.VOLATILE + offsetof<VolatileRecord>('reportsSuppressed') != layout.REPORTS_SUPPRESSED)
  ERROR('REPORTS_SUPPRESSED moved');
if (i32(offsetof<AccessReport>()) > layout.ACCESS_REPORT_STRIDE)
  ERROR('AccessReport outgrew its stride');
if (layout.VOLATILE + offsetof<VolatileRecord>('effectsLost') != layout.EFFECTS_LOST)
  ERROR('EFFECTS_LOST moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('serialSinceMs') != layout.SERIAL_SINCE_MS)
  ERROR('SERIAL_SINCE_MS moved');

if (layout.VOLATILE + offsetof<VolatileRecord>('firstEffect') != layout.FIRST_EFFECT)
  ERROR('FIRST_EFFECT moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('nextReadEoi') != layout.NEXT_READ_EOI)
  ERROR('NEXT_READ_EOI moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('nextWriteEoi') != layout.NEXT_WRITE_EOI)
  ERROR('NEXT_WRITE_EOI moved');
if (layout.VOLATILE + offsetof<VolatileRecord>('windowFailed') != layout.WINDOW_FAILED)
  ERROR('WINDOW_FAILED moved');
if (layout.DEVICE_STATISTICS + offsetof<DeviceStatistics>('reads') != layout.READS)
  ERROR('READS moved');
if (layout.DEVICE_STATISTICS + offsetof<DeviceStatistics>('writes') != layout.WRITES)
  ERROR('WRITES moved');
if ((MAX_REGIONS & (MAX_REGIONS - 1)) != 0) ERROR('the host takes MAX_REGIONS for a power of two');
if (layout.REGIONS + offsetof<RegionRecord>('shortPointer') != layout.SHORT_POINTER)
  ERROR('SHORT_POINTER moved');
if (layout.REGIONS + offsetof<RegionRecord>('hostReadEnd') != layout.HOST_READ_END)
  ERROR('HOST_READ_END moved');
if (layout.REGIONS + offsetof<RegionRecord>('hostWriteEnd') != layout.HOST_WRITE_END)
  ERROR('HOST_WRITE_END moved');

export const config = changetype<ConfigRecord>(layout.CONFIG);
export const device = changetype<DeviceRecord>(layout.DEVICE);
export const transient = changetype<VolatileRecord>(layout.VOLATILE);
export const machine = changetype<MachineRecord>(layout.MACHINE);
export const deviceStatistics = changetype<DeviceStatistics>(layout.DEVICE_STATISTICS);

export function lineAt(line: u32): LineRecord {
  return changetype<LineRecord>(layout.LINES + line * layout.LINE_STRIDE);
}

export function lineStatisticsAt(line: u32): LineStatistics {
  return changetype<LineStatistics>(layout.LINE_STATISTICS + line * layout.LINE_STATISTICS_STRIDE);
}

export function lineTimingAt(line: u32): LineTiming {
  return changetype<LineTiming>(layout.LINE_TIMING + line * layout.LINE_TIMING_STRIDE);
}

export function lineBindingAt(line: u32): LineBinding {
  return changetype<LineBinding>(layout.LINE_BINDINGS + line * layout.LINE_BINDING_STRIDE);
}

export function regionAt(region: u32): RegionRecord {
  return changetype<RegionRecord>(layout.REGIONS + region * layout.REGION_STRIDE);
}

/** Area `index` of `region`. */
export function areaAt(region: u32, index: u32): AreaRecord {
  return changetype<AreaRecord>(
    layout.AREAS + (region * MAX_AREAS_PER_REGION + index) * layout.AREA_STRIDE,
  );
}

export function ruleAt(rule: u32): RuleRecord {
  return changetype<RuleRecord>(layout.RULES + rule * layout.RULE_STRIDE);
}

export function dmaAt(index: u32): DmaRecord {
  return changetype<DmaRecord>(layout.DMA_MAPPINGS + index * layout.DMA_STRIDE);
}
