import { VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE } from '../abi/vfio';
import { EFFECT_MORE, PERFORMED_WRITE } from '../boundary/effects';
import { POLICY_QEMU, RULE_READ, RULE_WRITE } from '../boundary/options';
import { TRACE_REGION_READ, TRACE_REGION_WRITE } from '../boundary/trace-events';
import { trace, waiting } from '../irq/effects';
import { completeByRules } from '../irq/rules';
import { completeShort } from '../irq/short-path';
import { completeByAccess } from '../irq/strict';
import { MAX_REGIONS } from '../limits';
import { EOI_ASK, EOI_NONE, EOI_SHORT } from '../state/layout';
import {
  AreaRecord,
  areaAt,
  config,
  device,
  deviceStatistics,
  RegionRecord,
  regionAt,
  transient,
} from '../state/records';
import { allOnes, denial } from './admission';
import { readChunked, writeChunked } from './chunked';
import { chunkAt } from './chunks';
import { reportAccess } from './report';
import { SHORT_WIDTHS } from './short-path';
import {
  findArea,
  loadMemory,
  loadWindow,
  storeMemory,
  storeWindow,
  takeWindowFailure,
} from './window';

/** A guest access, from the trap to EOI detection (spec S5, S7). */

/**
 * The area for an access that needs no splitting, or null. Most regions have
 * one area, so that one is looked at without a loop.
 */
function wholeArea(region: RegionRecord, index: u32, offset: u32, width: u32): AreaRecord | null {
  if (region.areaCount == 0 || chunkAt(offset, width) != width) return null;
  const first = areaAt(index, 0);
  if (offset >= first.start && offset < first.end && width <= first.end - offset) return first;
  return findArea(region, index, offset, width);
}

function result(value: u64, width: u32): u32 {
  if (width == 8) transient.valueHigh = <u32>(value >> 32);
  return <u32>value;
}

/**
 * EOI detection after an access that reached the device (policy strict).
 * `activation` is transient.activations as it was when the access began.
 * @returns what there is to do (boundary/effects.ts)
 */
export function complete(
  index: u32,
  offset: u32,
  width: u32,
  direction: u32,
  data: u64,
  activation: u32,
): u32 {
  if (device.ruleCount != 0) completeByRules(index, offset, width, direction, data);
  return completeByAccess(direction == RULE_WRITE, activation);
}

/** In place of an activation, of which it is none: the access completes nothing. */
const NOTHING_ACTIVE: u32 = 1;

/**
 * A guest access that the host has performed, as it may below HOST_READ_END or
 * HOST_WRITE_END of the region (state/layout.ts).
 *
 * @param access the width, for a write with PERFORMED_WRITE
 * @param value what was read or written
 * @param next NEXT_READ_EOI or NEXT_WRITE_EOI as it was before: what became
 *   ACTIVE during the access is not completed by it
 * @returns what there is to do (boundary/effects.ts)
 */
export function performed(index: u32, offset: u32, access: u32, value: u32, next: u32): u32 {
  const write = (access & PERFORMED_WRITE) != 0;
  if (write) deviceStatistics.writes++;
  else deviceStatistics.reads++;
  const direction = write ? RULE_WRITE : RULE_READ;
  // No activation is NOTHING_ACTIVE.
  const activation = next == EOI_NONE ? NOTHING_ACTIVE : next & ~(EOI_SHORT | EOI_ASK);
  return complete(index, offset, access & ~PERFORMED_WRITE, direction, value, activation);
}

/** Queues what there is to do, where a call cannot return it. */
function queue(effect: u32): void {
  if (effect != 0 && effect != EFFECT_MORE) transient.firstEffect = effect;
}

const REGION_MASK: u32 = MAX_REGIONS - 1;

/** Whether the access is none of 1, 2 or 4 aligned bytes of a region that may be. */
function crooked(index: u32, offset: u32, width: u32): bool {
  // Shifts count modulo 32, so greater widths are looked at as well.
  const narrow = width < 32 ? (SHORT_WIDTHS >> width) & 1 : 0;
  return ((index & ~REGION_MASK) | (offset & (width - 1)) | (narrow ^ 1)) != 0;
}

/** The general read, for what the short path of read() does not take. */
function readAny(index: u32, offset: u32, width: u32): u32 {
  const reason = denial(index, offset, width, VFIO_REGION_INFO_FLAG_READ);
  if (reason != 0) {
    reportAccess(reason, 0, index, offset, width, false);
    return allOnes(width);
  }
  deviceStatistics.reads++;
  const region = regionAt(index);
  const qemu = config.policy == POLICY_QEMU;
  const activation = transient.activations;
  let value: u64;
  const area = !qemu ? wholeArea(region, index, offset, width) : null;
  if (area != null) {
    value = loadWindow(area, offset, width);
    if (takeWindowFailure()) return allOnes(width);
  } else {
    const buffer = readChunked(region, index, offset, width, qemu);
    if (buffer == 0) return allOnes(width);
    value = load<u64>(buffer);
  }
  trace(TRACE_REGION_READ, index, offset, <u32>value);
  if (!qemu) queue(complete(index, offset, width, RULE_READ, value, activation));
  return result(value, width);
}

/** read() of a register that is in memory: any width, and with something to complete. */
function readShort(index: u32, offset: u32, width: u32): u32 {
  const region = regionAt(index & REGION_MASK);
  if (crooked(index, offset, width) || offset >= region.shortReadEnd) {
    return readAny(index, offset, width);
  }
  const value = loadMemory(region.shortPointer + offset, width);
  const done = completeShort(transient.nextReadEoi, 0);
  queue(done != 0 ? done : performed(index, offset, width, value, transient.nextReadEoi));
  return value;
}

/*
 * Nearly every access is one of 4 aligned bytes with nothing to complete, which
 * memory cannot change, since it calls nobody back. read() and write() do that
 * and leave the rest to other functions; one word tells, instead of a branch
 * for each reason, as in irq/short-path.ts. Both ways out lead to one function,
 * because Binaryen inlines what is called once, and its spills with it.
 */

/**
 * A guest read. The high word of an 8-byte result is in VALUE_HIGH, effects
 * wait in memory.
 * @returns the value, all ones when the access failed or may not reach the device
 */
export function read(index: u32, offset: u32, width: u32): u32 {
  const uncommon =
    (index & ~REGION_MASK) | (offset & 3) | (width ^ 4) | (transient.nextReadEoi ^ EOI_NONE);
  if (uncommon != 0) return readShort(index, offset, width);
  const region = regionAt(index);
  if (offset >= region.shortReadEnd) return readShort(index, offset, width);
  deviceStatistics.reads++;
  return atomic.load<u32>(region.shortPointer + offset);
}

/** The general write, for what the short path of write() does not take. */
function writeAny(index: u32, offset: u32, width: u32, low: u32, high: u32): u32 {
  const reason = denial(index, offset, width, VFIO_REGION_INFO_FLAG_WRITE);
  if (reason != 0) {
    reportAccess(reason, 0, index, offset, width, true);
    return waiting();
  }
  deviceStatistics.writes++;
  const region = regionAt(index);
  const qemu = config.policy == POLICY_QEMU;
  const activation = transient.activations;
  const value = <u64>low | ((<u64>high) << 32);
  const area = !qemu ? wholeArea(region, index, offset, width) : null;
  if (area != null) {
    storeWindow(area, offset, width, value);
    if (takeWindowFailure()) return waiting();
  } else if (!writeChunked(region, index, offset, width, value, qemu)) {
    return waiting();
  }
  trace(TRACE_REGION_WRITE, index, offset, low);
  if (qemu) return waiting();
  return complete(index, offset, width, RULE_WRITE, value, activation);
}

/** write() of a register that is in memory: any width, and with something to complete. */
function writeShort(index: u32, offset: u32, width: u32, low: u32, high: u32): u32 {
  const region = regionAt(index & REGION_MASK);
  if (crooked(index, offset, width) || offset >= region.shortWriteEnd) {
    return writeAny(index, offset, width, low, high);
  }
  storeMemory(region.shortPointer + offset, width, low);
  const done = completeShort(transient.nextWriteEoi, 1);
  if (done != 0) return done;
  return performed(index, offset, width | PERFORMED_WRITE, low, transient.nextWriteEoi);
}

/**
 * A guest write of `low` and, for 8 bytes, `high`; dropped when it may not reach the device.
 * @returns what there is to do (boundary/effects.ts)
 */
export function write(index: u32, offset: u32, width: u32, low: u32, high: u32): u32 {
  const uncommon =
    (index & ~REGION_MASK) | (offset & 3) | (width ^ 4) | (transient.nextWriteEoi ^ EOI_NONE);
  if (uncommon != 0) return writeShort(index, offset, width, low, high);
  const region = regionAt(index);
  if (offset >= region.shortWriteEnd) return writeShort(index, offset, width, low, high);
  deviceStatistics.writes++;
  store<u32>(region.shortPointer + offset, low);
  return waiting();
}
