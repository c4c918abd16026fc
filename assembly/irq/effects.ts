import { EFFECT_TRACE } from '../boundary/effects';
import * as host from '../boundary/host';
import { MAX_EFFECTS } from '../limits';
import { EFFECTS } from '../state/layout';
import { config, transient } from '../state/records';

if ((MAX_EFFECTS & (MAX_EFFECTS - 1)) != 0) ERROR('MAX_EFFECTS must be a power of two');

/**
 * Queues an effect for the host.
 * A host that applies effects after each call never meets the limit; one that
 * does not loses the newest, which is counted and reported.
 */
export function push(effect: u32): void {
  const tail = transient.effectTail;
  if (tail - transient.effectHead >= <u32>MAX_EFFECTS) {
    transient.effectsLost++;
    return;
  }
  store<u32>(EFFECTS + ((tail & (MAX_EFFECTS - 1)) << 2), effect);
  transient.effectTail = tail + 1;
}

/** Whether the host has applied the effect that was queued at ring position `at`. */
export function isApplied(at: u32): bool {
  return <i32>(transient.effectHead - at) > 0;
}

/** Hands a trace event over while tracing is on. */
export function trace(event: u32, a: u32, b: u32, c: u32): void {
  if (config.trace == 0) return;
  host.trace(event, a, b, c);
  push(EFFECT_TRACE);
}
