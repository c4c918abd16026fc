import { VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE } from '../abi/vfio';
import * as host from '../boundary/host';
import { POLICY_QEMU, RULE_READ, RULE_WRITE } from '../boundary/options';
import { TRACE_REGION_READ, TRACE_REGION_WRITE } from '../boundary/trace-events';
import { trace } from '../irq/effects';
import { completeByRules } from '../irq/rules';
import { completeByAccess } from '../irq/strict';
import { NO_LINE } from '../state/layout';
import {
  AreaRecord,
  areaAt,
  config,
  device,
  deviceStatistics,
  machine,
  RegionRecord,
  regionAt,
  transient,
} from '../state/records';
import { allOnes, denial } from './admission';
import { readChunked, writeChunked } from './chunked';
import { chunkAt } from './chunks';
import { reportAccess } from './report';
import { findArea, loadMemory, loadWindow, storeMemory, storeWindow } from './window';

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

/** EOI detection after an access that reached the device (policy strict). */
function complete(
  index: u32,
  offset: u32,
  width: u32,
  direction: u32,
  data: u64,
  active: u32,
  activation: u32,
): void {
  if (device.ruleCount != 0) completeByRules(index, offset, width, direction, data);
  if (active != NO_LINE) completeByAccess(direction == RULE_WRITE, active, activation);
}

/**
 * Bit w set: the short path takes accesses of w bytes, where they are aligned,
 * so that they are never split. Its conditions and loads are written out in
 * read() and write(): calls would cost more than all of them.
 */
const SHORT_WIDTHS: u32 = (1 << 1) | (1 << 2) | (1 << 4);

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
  const active = machine.serialActive;
  const activation = transient.activations;
  let value: u64;
  const area = !qemu ? wholeArea(region, index, offset, width) : null;
  if (area != null) {
    value = loadWindow(area, offset, width);
  } else {
    const buffer = readChunked(region, index, offset, width, qemu);
    if (buffer == 0) return allOnes(width);
    value = load<u64>(buffer);
  }
  trace(TRACE_REGION_READ, index, offset, <u32>value);
  if (!qemu) complete(index, offset, width, RULE_READ, value, active, activation);
  return result(value, width);
}

/**
 * A guest read. The high word of an 8-byte result is in VALUE_HIGH.
 * @returns the value, all ones when the access failed or may not reach the device
 */
export function read(index: u32, offset: u32, width: u32): u32 {
  if (index >= transient.shortRegions) return readAny(index, offset, width);
  const region = regionAt(index);
  if (width > 4 || ((SHORT_WIDTHS >> width) & 1) == 0 || (offset & (width - 1)) != 0) {
    return readAny(index, offset, width);
  }
  if (offset >= region.shortReadEnd) return readAny(index, offset, width);
  deviceStatistics.reads++;
  const active = machine.serialActive;
  const activation = transient.activations;
  const pointer = region.shortPointer + offset;
  let value: u32;
  if (region.shortByHost != 0) value = host.load(pointer, width);
  else if (width == 4) value = atomic.load<u32>(pointer);
  else value = loadMemory(pointer, width);
  if (device.ruleCount != 0) completeByRules(index, offset, width, RULE_READ, value);
  if (active != NO_LINE) completeByAccess(false, active, activation);
  return value;
}

/** The general write, for what the short path of write() does not take. */
function writeAny(index: u32, offset: u32, width: u32, low: u32, high: u32): void {
  const reason = denial(index, offset, width, VFIO_REGION_INFO_FLAG_WRITE);
  if (reason != 0) {
    reportAccess(reason, 0, index, offset, width, true);
    return;
  }
  deviceStatistics.writes++;
  const region = regionAt(index);
  const qemu = config.policy == POLICY_QEMU;
  const active = machine.serialActive;
  const activation = transient.activations;
  const value = <u64>low | ((<u64>high) << 32);
  const area = !qemu ? wholeArea(region, index, offset, width) : null;
  if (area != null) storeWindow(area, offset, width, value);
  else if (!writeChunked(region, index, offset, width, value, qemu)) return;
  trace(TRACE_REGION_WRITE, index, offset, low);
  if (!qemu) complete(index, offset, width, RULE_WRITE, value, active, activation);
}

/** A guest write of `low` and, for 8 bytes, `high`; dropped when it may not reach the device. */
export function write(index: u32, offset: u32, width: u32, low: u32, high: u32): void {
  if (index >= transient.shortRegions) {
    writeAny(index, offset, width, low, high);
    return;
  }
  const region = regionAt(index);
  const whole = width <= 4 && ((SHORT_WIDTHS >> width) & 1) != 0 && (offset & (width - 1)) == 0;
  if (!whole || offset >= region.shortWriteEnd) {
    writeAny(index, offset, width, low, high);
    return;
  }
  deviceStatistics.writes++;
  const active = machine.serialActive;
  const activation = transient.activations;
  const pointer = region.shortPointer + offset;
  if (region.shortByHost != 0) host.store(pointer, width, low);
  else if (width == 4) store<u32>(pointer, low);
  else storeMemory(pointer, width, low);
  if (device.ruleCount != 0) completeByRules(index, offset, width, RULE_WRITE, low);
  if (active != NO_LINE) completeByAccess(true, active, activation);
}
