import { NO_LINE } from '../state/layout';
import { lineTimingAt, transient } from '../state/records';

/**
 * The independent ACTIVE lines in order of activation, so that the oldest is
 * found in constant time when stalls are looked for.
 */

export function appendActive(line: u32): void {
  const timing = lineTimingAt(line);
  const newest = transient.newestIndependent;
  timing.next = NO_LINE;
  timing.previous = newest;
  timing.activeSinceMs = transient.nowMs;
  if (newest == NO_LINE) transient.oldestIndependent = line;
  else lineTimingAt(newest).next = line;
  transient.newestIndependent = line;
}

/** Also allowed for a line that has left the list already. */
export function removeActive(line: u32): void {
  const timing = lineTimingAt(line);
  const next = timing.next;
  const previous = timing.previous;
  if (previous == NO_LINE && transient.oldestIndependent != line) return;
  if (previous == NO_LINE) transient.oldestIndependent = next;
  else lineTimingAt(previous).next = next;
  if (next == NO_LINE) transient.newestIndependent = previous;
  else lineTimingAt(next).previous = previous;
  timing.next = NO_LINE;
  timing.previous = NO_LINE;
}
