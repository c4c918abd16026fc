import { complete } from '../access/access';
import { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP, PERFORMED_WRITE } from '../boundary/effects';
import {
  EOI_ACCESS,
  LINE_ACTIVE,
  LINE_ARMED,
  LINE_AUTOMASKED,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  LINE_MASK_REQUESTED,
  LINE_RETRYING,
  LINE_STUCK,
  LINE_UP,
  RULE_READ,
  RULE_WRITE,
} from '../boundary/options';
import { NO_LINE } from '../state/layout';
import {
  device,
  deviceStatistics,
  lineAt,
  lineStatisticsAt,
  machine,
  transient,
} from '../state/records';
import { checkInvariants } from './invariants';
import { signalAny } from './machine';

/**
 * The two calls of nearly every interrupt, with their common case written out:
 * policy strict, one line, nothing else outstanding, no effect that waits. They
 * do then what the general functions would, but return the effect instead of
 * queueing it. What may be uncommon is gathered in one word, each part of which
 * is 0 when it is not, because a branch for each would cost as much as the rest.
 */

if (LINE_INACTIVE != 0) ERROR('signal() takes LINE_INACTIVE for 0');

/** Flags of an INACTIVE serialised line that make its signal more than the common case. */
const UNCOMMON_FLAGS = LINE_ARMED | LINE_INDEPENDENT | LINE_RETRYING | LINE_STUCK;

/**
 * `count` signals were drained from the trigger eventfd of `line`; 0 is a
 * spurious wake-up. While the device is paused they wait in the doorbell.
 * @returns what there is to do (boundary/effects.ts), or a negative status
 */
export function signal(line: u32, count: u32): i32 {
  if (line >= transient.shortLines) return signalAny(line, count);
  const record = lineAt(line);
  const flags = record.flags;
  const uncommon =
    record.state |
    ((flags & UNCOMMON_FLAGS) ^ LINE_ARMED) |
    (machine.serialActive ^ NO_LINE) |
    (count ^ 1) |
    transient.firstEffect;
  if (uncommon != 0) return signalAny(line, count);
  record.state = LINE_ACTIVE;
  record.flags = flags | LINE_UP;
  lineStatisticsAt(line).signals++;
  machine.serialActive = line;
  transient.activations++;
  if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
  return EFFECT_UP | line;
}

/**
 * A guest access that has been performed, by read() or write() or by the host,
 * as it may below HOST_READ_END or HOST_WRITE_END of the region (state/layout.ts).
 *
 * @param access the width, for a write with PERFORMED_WRITE
 * @param value what was read or written
 * @param activation ACTIVATIONS as it was before: what became ACTIVE during the
 *   access is not completed by it
 * @returns what there is to do (boundary/effects.ts)
 */
export function performed(index: u32, offset: u32, access: u32, value: u32, activation: u32): u32 {
  const write = access & PERFORMED_WRITE;
  if (write != 0) deviceStatistics.writes++;
  else deviceStatistics.reads++;
  const active = machine.serialActive;
  const uncommon =
    (transient.activations ^ activation) |
    transient.firstEffect |
    transient.special |
    (machine.fifoHead ^ NO_LINE) |
    device.ruleCount;
  if (uncommon == 0) {
    if (active == NO_LINE) return 0;
    const record = lineAt(active);
    const otherEoi = write != 0 ? 0 : record.eoi ^ EOI_ACCESS;
    if ((record.again | otherEoi) == 0) {
      const flags = record.flags;
      record.flags = flags & ~LINE_UP;
      record.state = LINE_INACTIVE;
      machine.serialActive = NO_LINE;
      lineStatisticsAt(active).completions++;
      if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
      if ((flags & (LINE_AUTOMASKED | LINE_MASK_REQUESTED)) != LINE_AUTOMASKED) {
        return EFFECT_DOWN | active;
      }
      transient.firstEffect = EFFECT_UNMASK | active;
      return EFFECT_DOWN | EFFECT_UNMASK | active;
    }
  }
  const direction = write != 0 ? RULE_WRITE : RULE_READ;
  return complete(index, offset, access & ~PERFORMED_WRITE, direction, value, activation);
}
