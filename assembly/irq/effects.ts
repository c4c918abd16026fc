import { EFFECT_MORE, EFFECT_TRACE } from '../boundary/effects';
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
  if (transient.firstEffect != 0) lineTimingAt(line).upAt = transient.effectTail;
  push(effect);
}

/**
 * Whether the host has applied the effect that raised `line`, which is ACTIVE.
 * It has when nothing waits; otherwise the position in the ring tells.
 */
export function isRaised(line: u32): bool {
  return transient.firstEffect == 0 || <i32>(transient.effectHead - lineTimingAt(line).upAt) > 0;
}

/** Hands a trace event over while tracing is on. */
export function trace(event: u32, a: u32, b: u32, c: u32): void {
  if (config.trace == 0) return;
  host.trace(event, a, b, c);
  push(EFFECT_TRACE);
}
