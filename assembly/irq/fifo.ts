import { NO_LINE } from '../state/layout';
import { lineAt, machine } from '../state/records';

/**
 * The FIFO of PENDING lines under policy strict: a doubly linked list through
 * the line records, so that a line also leaves from the middle in constant
 * time. A line is in it at most once (its state says whether).
 */

export function append(line: u32): void {
  const record = lineAt(line);
  const tail = machine.fifoTail;
  record.next = NO_LINE;
  record.previous = tail;
  if (tail == NO_LINE) machine.fifoHead = line;
  else lineAt(tail).next = line;
  machine.fifoTail = line;
}

export function remove(line: u32): void {
  const record = lineAt(line);
  const next = record.next;
  const previous = record.previous;
  if (previous == NO_LINE) machine.fifoHead = next;
  else lineAt(previous).next = next;
  if (next == NO_LINE) machine.fifoTail = previous;
  else lineAt(next).previous = previous;
  record.next = NO_LINE;
  record.previous = NO_LINE;
}

/** Takes the oldest line out, or gives NO_LINE. */
export function takeOldest(): u32 {
  const head = machine.fifoHead;
  if (head != NO_LINE) remove(head);
  return head;
}
