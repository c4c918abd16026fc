import { MAX_LINES } from '../limits';
import { LINE_SET_WORDS, NO_LINE } from '../state/layout';

/**
 * A set of lines with constant-time operations: one bit a line, and a summary
 * word that tells which of the 32 words are not zero. `set` is its address.
 */

if (MAX_LINES > 32 * 32) ERROR('a line set holds 1024 lines at most');

function wordAt(set: u32, word: u32): u32 {
  return set + LINE_SET_WORDS + (word << 2);
}

export function insert(set: u32, line: u32): void {
  const word = wordAt(set, line >> 5);
  store<u32>(word, load<u32>(word) | (1 << (line & 31)));
  store<u32>(set, load<u32>(set) | (1 << (line >> 5)));
}

export function remove(set: u32, line: u32): void {
  const word = wordAt(set, line >> 5);
  const rest = load<u32>(word) & ~(1 << (line & 31));
  store<u32>(word, rest);
  if (rest == 0) store<u32>(set, load<u32>(set) & ~(1 << (line >> 5)));
}

export function isEmpty(set: u32): bool {
  return load<u32>(set) == 0;
}

/** The highest line of the set, or NO_LINE. */
export function highest(set: u32): u32 {
  const summary = load<u32>(set);
  if (summary == 0) return NO_LINE;
  const word = 31 - clz(summary);
  return (word << 5) + 31 - clz(load<u32>(wordAt(set, word)));
}

/** The lowest line above `line`, else the lowest of all, or NO_LINE when the set is empty. */
export function nextAfter(set: u32, line: u32): u32 {
  const summary = load<u32>(set);
  if (summary == 0) return NO_LINE;
  const from = line + 1;
  if (from < <u32>MAX_LINES) {
    const word = from >> 5;
    const here = load<u32>(wordAt(set, word)) & ((<u32>-1) << (from & 31));
    if (here != 0) return (word << 5) + ctz(here);
    // Shifting by 32 would shift by nothing, so the last word has no words above it.
    const above = word == 31 ? 0 : summary & ((<u32>-1) << (word + 1));
    if (above != 0) {
      const next = ctz(above);
      return (next << 5) + ctz(load<u32>(wordAt(set, next)));
    }
  }
  const first = ctz(summary);
  return (first << 5) + ctz(load<u32>(wordAt(set, first)));
}
