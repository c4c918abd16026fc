import {
  EOI_ACCESS,
  EOI_IRQCHIP,
  EOI_REGISTER,
  EOI_WRITE,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  OPTION_COUNT,
  PHASE_NEW,
  PHASE_OPEN,
  RULE_EXACT,
  RULE_READ,
  RULE_WRITE,
} from '../boundary/options';
import {
  STATUS_FULL,
  STATUS_INVALID,
  STATUS_NO_LINE,
  STATUS_NO_REGION,
  STATUS_OK,
} from '../boundary/status';
import { publishNextEoi } from '../irq/next-eoi';
import { hasRule, addRule as insertRule } from '../irq/rules';
import { CONFIG } from '../state/layout';
import { device, lineAt, regionAt } from '../state/records';
import { admit } from './lifecycle';

/** Settings: options before attach(), EOI sources and rules once the lines are known. */

/** Sets one option of boundary/options.ts; the host has checked the value. */
export function configure(key: u32, value: i32): i32 {
  const admitted = admit(PHASE_NEW);
  if (admitted != STATUS_OK) return admitted;
  if (key >= <u32>OPTION_COUNT) return STATUS_INVALID;
  store<i32>(CONFIG + (key << 2), value);
  return STATUS_OK;
}

/** Sets the EOI source of a line that is INACTIVE. */
export function setEoi(line: u32, source: u32): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted != STATUS_OK) return admitted;
  if (line >= device.lineCount) return STATUS_NO_LINE;
  if (source < <u32>EOI_IRQCHIP || source > <u32>EOI_ACCESS) return STATUS_INVALID;
  const record = lineAt(line);
  if (record.state != LINE_INACTIVE) return STATUS_INVALID;
  if (source == EOI_REGISTER && !hasRule(line)) return STATUS_INVALID;
  record.eoi = source;
  const independent = source != EOI_WRITE && source != EOI_ACCESS;
  record.flags = independent ? record.flags | LINE_INDEPENDENT : record.flags & ~LINE_INDEPENDENT;
  publishNextEoi();
  return STATUS_OK;
}

/**
 * Adds an EOI register rule: an access in `direction` (RULE_READ or RULE_WRITE,
 * with RULE_EXACT when the masked bits must equal `value`) to the register of
 * `width` (1, 2, 4) bytes at `offset` completes `line`. A `mask` of 0 lets
 * every such access match. The line gets the EOI source 'register'.
 */
export function addRule(
  region: u32,
  offset: u32,
  width: u32,
  direction: u32,
  mask: u32,
  value: u32,
  line: u32,
): i32 {
  const admitted = admit(PHASE_OPEN);
  if (admitted != STATUS_OK) return admitted;
  if (line >= device.lineCount) return STATUS_NO_LINE;
  if (region >= device.regionCount) return STATUS_NO_REGION;
  const limit = regionAt(region).limit;
  if (width != 1 && width != 2 && width != 4) return STATUS_INVALID;
  if (offset % width != 0 || width > limit || offset > limit - width) return STATUS_INVALID;
  if ((direction & RULE_EXACT) != 0 && (value & ~mask) != 0) return STATUS_INVALID;
  if (width < 4 && mask >> (width << 3) != 0) return STATUS_INVALID;
  if ((direction & (RULE_READ | RULE_WRITE)) == 0) return STATUS_INVALID;
  if (lineAt(line).state != LINE_INACTIVE) return STATUS_INVALID;
  if (!insertRule(region, offset, width, direction, mask, value, line)) return STATUS_FULL;
  return setEoi(line, EOI_REGISTER);
}
