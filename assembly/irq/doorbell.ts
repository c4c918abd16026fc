import { EVENTFD_COUNTER_SIZE } from '../abi/linux';
import * as host from '../boundary/host';
import { ARM_USER } from '../boundary/options';
import { DOORBELL, DOORBELL_COUNTS, DOORBELL_WORDS, SCRATCH } from '../state/layout';
import { lineBindingAt } from '../state/records';

/**
 * The doorbell (see state/layout.ts). Another thread may ring it at any time,
 * so every change is atomic, and the summary is written last.
 */

function wordOf(line: u32): u32 {
  return DOORBELL_WORDS + ((line >> 5) << 2);
}

/** Rings from inside; the host does the same from outside. */
export function ring(line: u32, count: u32): void {
  atomic.add<u32>(DOORBELL_COUNTS + (line << 2), count);
  atomic.or<u32>(wordOf(line), 1 << (line & 31));
  atomic.or<u32>(DOORBELL, 1 << (line >> 5));
}

/** Forgets signals of `line` that wait. */
export function silence(line: u32): void {
  const word = wordOf(line);
  const summaryBit: u32 = 1 << (line >> 5);
  atomic.and<u32>(word, ~(1 << (line & 31)));
  atomic.store<u32>(DOORBELL_COUNTS + (line << 2), 0);
  if (atomic.load<u32>(word) != 0) return;
  atomic.and<u32>(DOORBELL, ~summaryBit);
  // Somebody may have rung for a neighbour in between.
  if (atomic.load<u32>(word) != 0) atomic.or<u32>(DOORBELL, summaryBit);
}

/**
 * Whether a signal of the line waits: then the kernel has masked a level line
 * for that signal, and the EOI that follows will unmask it.
 */
export function isSignalled(line: u32): bool {
  const binding = lineBindingAt(line);
  if (binding.armed != ARM_USER) return false;
  if (host.read(binding.trigger, SCRATCH, EVENTFD_COUNTER_SIZE) == EVENTFD_COUNTER_SIZE) {
    ring(line, load<u32>(SCRATCH));
  }
  return load<u32>(DOORBELL_COUNTS + (line << 2)) != 0;
}
