import { EOI_REGISTER, RULE_EXACT } from '../boundary/options';
import { MAX_EOI_RULES } from '../limits';
import { RULE_BUCKET_COUNT, RULE_BUCKETS } from '../state/layout';
import { device, lineAt, RuleRecord, ruleAt } from '../state/records';
import { completeIndependent } from './strict';

/**
 * EOI register rules (spec S7, source 2), found by region and 32-bit word of
 * the access, so that the work does not grow with the number of rules.
 */

if ((RULE_BUCKET_COUNT & (RULE_BUCKET_COUNT - 1)) != 0)
  ERROR('RULE_BUCKET_COUNT must be a power of two');

function bucketOf(region: u32, word: u32): u32 {
  const hash = (word + region * 0x10001) * <u32>0x9e3779b1;
  return RULE_BUCKETS + ((hash >> 20) & (RULE_BUCKET_COUNT - 1)) * 4;
}

/** @returns false when there is no room for another rule */
export function addRule(
  region: u32,
  offset: u32,
  width: u32,
  direction: u32,
  mask: u32,
  value: u32,
  line: u32,
): bool {
  const index = device.ruleCount;
  if (index == <u32>MAX_EOI_RULES) return false;
  const rule = ruleAt(index);
  const bucket = bucketOf(region, offset >> 2);
  rule.next = load<u32>(bucket);
  rule.region = region;
  rule.offset = offset;
  rule.width = width;
  rule.direction = direction;
  rule.mask = mask;
  rule.value = value;
  rule.line = line;
  store<u32>(bucket, index + 1);
  device.ruleCount = index + 1;
  return true;
}

/** Whether any rule completes `line`. */
export function hasRule(line: u32): bool {
  for (let index: u32 = 0; index < device.ruleCount; index++) {
    if (ruleAt(index).line == line) return true;
  }
  return false;
}

/** Whether an access of `width` bytes at `offset` with this data fulfils the rule. */
function matches(rule: RuleRecord, offset: u32, width: u32, direction: u32, data: u64): bool {
  if ((rule.direction & direction) == 0) return false;
  const start = rule.offset;
  const end = start + rule.width;
  if (rule.mask == 0) return offset < end && start < offset + width;
  // Bits of the register that the access does not carry cannot match.
  let bits: u64;
  let carried: u64 = width == 8 ? <u64>-1 : ((<u64>1) << (width << 3)) - 1;
  if (offset >= start) {
    const shift = (<u64>min<u32>(offset - start, 8)) << 3;
    if (shift >= 64) return false;
    bits = data << shift;
    carried <<= shift;
  } else {
    const shift = (<u64>min<u32>(start - offset, 8)) << 3;
    if (shift >= 64) return false;
    bits = data >> shift;
    carried >>= shift;
  }
  const mask = rule.mask & <u32>carried;
  const masked = <u32>bits & mask;
  if ((rule.direction & RULE_EXACT) != 0) return mask == rule.mask && masked == rule.value;
  return masked != 0;
}

/**
 * Completes the lines whose rules an access fulfils, each at most once: after
 * its EOI a line is not completed again before the machine has seen it go up.
 */
export function completeByRules(
  region: u32,
  offset: u32,
  width: u32,
  direction: u32,
  data: u64,
): void {
  const last = (offset + width - 1) >> 2;
  for (let word = offset >> 2; word <= last; word++) {
    let index = load<u32>(bucketOf(region, word));
    while (index != 0) {
      const rule = ruleAt(index - 1);
      index = rule.next;
      if (rule.region != region || rule.offset >> 2 != word) continue;
      if (!matches(rule, offset, width, direction, data)) continue;
      if (lineAt(rule.line).eoi == EOI_REGISTER) completeIndependent(rule.line);
    }
  }
}
