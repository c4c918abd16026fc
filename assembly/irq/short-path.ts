import { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP } from '../boundary/effects';
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
} from '../boundary/options';
import {
  EOI_NONE,
  EOI_SHORT,
  EOI_STEP,
  NEXT_READ_EOI,
  NEXT_WRITE_EOI,
  NO_LINE,
} from '../state/layout';
import {
  device,
  deviceStatistics,
  LineRecord,
  lineAt,
  lineStatisticsAt,
  machine,
  transient,
} from '../state/records';
import { checkInvariants } from './invariants';

/**
 * The two calls of nearly every interrupt, for their common case: policy strict,
 * one line, nothing else outstanding, no effect that waits. They do then what
 * the general functions would, but return the effect instead of queueing it. In
 * all other cases they do nothing and return 0, and the caller asks the general
 * ones: a function that calls no other needs no check of the stack.
 *
 * What may be uncommon is gathered in one word, each part of which is 0 when it
 * is not, because a branch for each would cost as much as the rest. Two fields
 * of a line that are side by side are one word of 64 bits here.
 */

if (LINE_INACTIVE != 0) ERROR('signalShort() takes LINE_INACTIVE for 0');
if (
  offsetof<LineRecord>('state') != 0 ||
  offsetof<LineRecord>('flags') != 4 ||
  NEXT_WRITE_EOI != NEXT_READ_EOI + 4
)
  ERROR('the words that the short paths take together moved');

/** Flags of an INACTIVE serialised line that make its signal more than the common case. */
const UNCOMMON_FLAGS: u64 = LINE_ARMED | LINE_INDEPENDENT | LINE_RETRYING | LINE_STUCK;
/** The state and those flags, and what they must be. */
const UNCOMMON: u64 = 0xffffffff | (UNCOMMON_FLAGS << 32);
const COMMON: u64 = (<u64>LINE_ARMED) << 32;
/** Flags of a line that its EOI unmasks. */
const UNMASKABLE: u32 = LINE_AUTOMASKED | LINE_ARMED;
/** EOI_NONE for reads and, behind that, for writes. */
const BOTH_NONE: u64 = EOI_NONE | ((<u64>EOI_NONE) << 32);
/** The state and the flag in which a raised line differs from an INACTIVE one. */
const RAISED: u64 = LINE_ACTIVE | ((<u64>LINE_UP) << 32);

/**
 * One signal was drained from the trigger eventfd of `line`.
 * @returns EFFECT_UP with the line, or 0: ask signal()
 */
export function signalShort(line: u32): u32 {
  if (line >= device.lineCount) return 0;
  const at = changetype<usize>(lineAt(line));
  const before = load<u64>(at);
  // Nothing is ACTIVE, and nothing special, where a write completes nothing.
  const uncommon =
    ((before & UNCOMMON) ^ COMMON) | ((transient.nextWriteEoi ^ EOI_NONE) | transient.firstEffect);
  if (uncommon != 0) return 0;
  store<u64>(at, before | RAISED);
  lineStatisticsAt(line).signals++;
  machine.serialActive = line;
  const activation = transient.activations + EOI_STEP;
  transient.activations = activation;
  transient.nextWriteEoi = activation | EOI_SHORT;
  transient.nextReadEoi = lineAt(line).eoi == EOI_ACCESS ? activation | EOI_SHORT : EOI_NONE;
  if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
  return EFFECT_UP | line;
}

/**
 * An access that the host has performed completes the ACTIVE line.
 *
 * @param next NEXT_READ_EOI or NEXT_WRITE_EOI as it was before the access
 * @param write not 0 for a write
 * @returns EFFECT_DOWN with the line, and with EFFECT_UNMASK where that waits in
 *   FIRST_EFFECT, or 0: ask performed()
 */
export function completeShort(next: u32, write: u32): u32 {
  if ((next & EOI_SHORT) == 0) return 0;
  if (((transient.nextWriteEoi ^ next) | transient.firstEffect) != 0) return 0;
  const active = machine.serialActive;
  const at = changetype<usize>(lineAt(active));
  const before = load<u64>(at);
  store<u64>(at, before & ~RAISED);
  machine.serialActive = NO_LINE;
  // And of writes.
  store<u64>(NEXT_READ_EOI, BOTH_NONE);
  lineStatisticsAt(active).completions++;
  if (write != 0) deviceStatistics.writes++;
  else deviceStatistics.reads++;
  if (ASC_OPTIMIZE_LEVEL == 0) checkInvariants();
  const flags = <u32>(before >> 32);
  // The host does not ask again whether the line may be unmasked, as it does after a queued effect.
  if ((flags & (LINE_AUTOMASKED | LINE_MASK_REQUESTED | LINE_ARMED)) != UNMASKABLE) {
    return EFFECT_DOWN | active;
  }
  transient.firstEffect = EFFECT_UNMASK | active;
  return EFFECT_DOWN | EFFECT_UNMASK | active;
}
