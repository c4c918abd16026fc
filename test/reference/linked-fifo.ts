import { lineAt, NONE, type ReferenceState } from './state';

/*
 * QEMU's FIFO, literally (S6): one link per line, a head and a tail. That
 * membership is never checked is the point; D03 to D06 come from it.
 */

export function insert(state: ReferenceState, line: number): void {
  lineAt(state, line).link = NONE;
  if (state.head === NONE) {
    state.head = line;
  } else {
    lineAt(state, state.tail).link = line;
  }
  state.tail = line;
}

/** @returns the line that was the head, or NONE */
export function removeHead(state: ReferenceState): number {
  const line = state.head;
  if (line !== NONE) {
    state.head = lineAt(state, line).link;
    if (state.head === NONE) {
      state.tail = NONE;
    }
    lineAt(state, line).link = NONE;
  }
  return line;
}

/** What following the links gives; a loop shows as one repeated line at the end. */
export function contents(state: ReferenceState): number[] {
  const found: number[] = [];
  for (let line = state.head; line !== NONE; line = lineAt(state, line).link) {
    const seen = found.includes(line);
    found.push(line);
    if (seen) {
      break;
    }
  }
  return found;
}
