import { VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE } from '../abi/vfio';
import { EFFECT_MORE, PERFORMED_WRITE } from '../boundary/effects';
import { POLICY_QEMU, RULE_READ, RULE_WRITE } from '../boundary/options';
import { TRACE_REGION_READ, TRACE_REGION_WRITE } from '../boundary/trace-events';
import { trace, waiting } from '../irq/effects';
import { completeByRules } from '../irq/rules';
import { performed } from '../irq/short-path';
import { completeByAccess } from '../irq/strict';
import { MAX_REGIONS } from '../limits';
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
import { SHORT_WIDTHS } from './short-path';
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

/** Queues what there is to do, where a call cannot return it. */
function queue(effect: u32): void {
  if (effect != 0 && effect != EFFECT_MORE) transient.firstEffect = effect;
}

/** 0 for an aligned access of 1, 2 or 4 bytes; also of others below 32 bytes, not in SHORT_WIDTHS. */
function crooked(offset: u32, width: u32): u32 {
  return (offset & (width - 1)) | (width >> 5);
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
  } else {
    const buffer = readChunked(region, index, offset, width, qemu);
    if (buffer == 0) return allOnes(width);
    value = load<u64>(buffer);
  }
  trace(TRACE_REGION_READ, index, offset, <u32>value);
  if (!qemu) queue(complete(index, offset, width, RULE_READ, value, activation));
  return result(value, width);
}

/**
 * A guest read. The high word of an 8-byte result is in VALUE_HIGH, effects
 * wait in memory.
 * @returns the value, all ones when the access failed or may not reach the device
 */
export function read(index: u32, offset: u32, width: u32): u32 {
  if (index >= <u32>MAX_REGIONS || crooked(offset, width) != 0) {
    return readAny(index, offset, width);
  }
  const region = regionAt(index);
  if (((SHORT_WIDTHS >> width) & 1) == 0 || offset >= region.shortReadEnd) {
    return readAny(index, offset, width);
  }
  const pointer = region.shortPointer + offset;
  const value = width == 4 ? atomic.load<u32>(pointer) : loadMemory(pointer, width);
  // Mostly there is nothing to complete: memory calls nobody back, so nothing came up meanwhile.
  if (machine.serialActive == NO_LINE && device.ruleCount == 0) deviceStatistics.reads++;
  else queue(performed(index, offset, width, value, transient.activations));
  return value;
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
  if (area != null) storeWindow(area, offset, width, value);
  else if (!writeChunked(region, index, offset, width, value, qemu)) return waiting();
  trace(TRACE_REGION_WRITE, index, offset, low);
  if (qemu) return waiting();
  return complete(index, offset, width, RULE_WRITE, value, activation);
}

/**
 * A guest write of `low` and, for 8 bytes, `high`; dropped when it may not reach the device.
 * @returns what there is to do (boundary/effects.ts)
 */
export function write(index: u32, offset: u32, width: u32, low: u32, high: u32): u32 {
  if (index >= <u32>MAX_REGIONS || crooked(offset, width) != 0) {
    return writeAny(index, offset, width, low, high);
  }
  const region = regionAt(index);
  if (((SHORT_WIDTHS >> width) & 1) == 0 || offset >= region.shortWriteEnd) {
    return writeAny(index, offset, width, low, high);
  }
  const pointer = region.shortPointer + offset;
  if (width == 4) store<u32>(pointer, low);
  else storeMemory(pointer, width, low);
  if (machine.serialActive == NO_LINE && device.ruleCount == 0) {
    deviceStatistics.writes++;
    return waiting();
  }
  return performed(index, offset, width | PERFORMED_WRITE, low, transient.activations);
}
