import {
  EFFECT_LINE_MASK,
  EFFECT_MORE,
  EFFECT_NUMBERED,
  EFFECT_TRACE,
  EFFECT_UP,
} from '../boundary/effects';
import * as host from '../boundary/host';
import { MAX_EFFECTS } from '../limits';
import { EFFECTS } from '../state/layout';
import { config, lineTimingAt, transient } from '../state/records';

if ((MAX_EFFECTS & (MAX_EFFECTS - 1)) != 0) ERROR('MAX_EFFECTS must be a power of two');

/** Puts an effect behind others. */
function pushBehind(first: u32, effect: u32): void {
  const tail = transient.effectTail;
  // A host that applies effects after each call never gets here with a full
  // ring; one that does not loses the newest, which is counted.
  if (tail - transient.effectHead >= <u32>MAX_EFFECTS) {
    transient.effectsLost++;
    return;
  }
  store<u32>(EFFECTS + ((tail & (MAX_EFFECTS - 1)) << 2), effect);
  transient.effectTail = tail + 1;
  transient.firstEffect = first | EFFECT_MORE;
}

/** Queues an effect for the host. */
export function push(effect: u32): void {
  const first = transient.firstEffect;
  if (first == 0) transient.firstEffect = effect;
  else pushBehind(first, effect);
}

/** Queues an effect that raises `line`. */
export function pushUp(effect: u32, line: u32): void {
  // As the first effect it is found by isRaised() itself; the position then
  // only has to be one that the host has passed.
  lineTimingAt(line).upAt =
    transient.firstEffect == 0 ? transient.effectHead - 1 : transient.effectTail;
  push(effect);
}

/**
 * Whether the host has applied the effect that raised `line`, which is ACTIVE.
 * It has when nothing waits; otherwise it may be the first effect, or the
 * position in the ring tells.
 */
export function isRaised(line: u32): bool {
  const first = transient.firstEffect;
  if (first == 0) return true;
  const raises = (first & (EFFECT_NUMBERED | EFFECT_UP)) == EFFECT_UP;
  if (raises && (first & EFFECT_LINE_MASK) == line) return false;
  const head = transient.effectHead;
  return lineTimingAt(line).upAt - head >= transient.effectTail - head;
}

/** What a call returns when it leaves effects in the queue, if it does. */
export function waiting(): u32 {
  return transient.firstEffect == 0 ? 0 : EFFECT_MORE;
}

/** Hands a trace event over while tracing is on. */
export function trace(event: u32, a: u32, b: u32, c: u32): void {
  if (config.trace == 0) return;
  host.trace(event, a, b, c);
  push(EFFECT_TRACE);
}
