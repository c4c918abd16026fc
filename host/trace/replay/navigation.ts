import type { RecordedEvent } from '../format/event';
import { OP_CLOSE, OP_LINE_UP, OP_READ, OP_WRITE } from '../format/ops';
import { type EventData, eventData } from '../format/text';
import type { Trace } from '../format/trace';
import { isStart } from './match';

/** A register, and the direction of accesses to it. */
export interface RegisterPlace {
  readonly region: number;
  readonly offset: number;
  /** Both unless given. */
  readonly direction?: 'read' | 'write';
}

/** Whether an event is an interrupt of a line. */
export function isInterrupt(line: number): (event: RecordedEvent) => boolean {
  return ({ op, args }) => op === OP_LINE_UP && args[0] === line;
}

/** Whether an event is an access to a register. */
export function isAccessTo({ region, offset, direction }: RegisterPlace) {
  return ({ op, args }: RecordedEvent): boolean =>
    ((op === OP_READ && direction !== 'write') || (op === OP_WRITE && direction !== 'read')) &&
    args[0] === region &&
    args[1] === offset;
}

/** The first event from `here` on that matches and comes after event `behind`. */
export function nextMatch(
  trace: Trace,
  here: number,
  behind: number,
  matches: (event: RecordedEvent) => boolean,
): EventData | undefined {
  const cursor = trace.cursor(here);
  while (cursor.next()) {
    const { event } = cursor;
    if (isStart(event) && event.ordinal > behind && matches(event)) return eventData(event);
  }
  return undefined;
}

/**
 * Number of the outermost call in which an event is; the event's own where it is
 * outside. The end of a trace that was cut off inside a call is in that call.
 */
export function callAround(trace: Trace, event: number): number {
  const { events } = trace.totals;
  if (event >= events) {
    return endOf(trace).inCall ? (lastCallBefore(trace, events) ?? 0) : event;
  }
  const cursor = trace.cursor(event);
  if (!cursor.peek() || cursor.event.depth === 0) return event;
  return lastCallBefore(trace, event) ?? 0;
}

/**
 * When the last event of a trace was, in nanoseconds, and whether a call is under
 * way behind it. Only what was cut off has to be read for that.
 */
export function endOf(trace: Trace): { readonly timeNs: number; readonly inCall: boolean } {
  const last = trace.chunks.at(-1);
  if (trace.finalised || last === undefined) return { timeNs: trace.totals.timeNs, inCall: false };
  const cursor = trace.cursor(last.firstEvent);
  let timeNs = last.timeNs;
  let inCall = false;
  while (cursor.next()) {
    const { event } = cursor;
    timeNs = event.timeNs;
    inCall = event.depth > 0 || event.phase === 'begin';
  }
  return { timeNs, inCall };
}

/** Whether a recording goes to the end of its device's life, also where it was not ended in order. */
export function hasItsClosing(trace: Trace): boolean {
  if (trace.finalised) return true;
  const last = lastCallBefore(trace, trace.totals.events);
  if (last === undefined || endOf(trace).inCall) return false;
  const cursor = trace.cursor(last);
  return cursor.peek() && cursor.event.op === OP_CLOSE;
}

/** Number of the last event before `event` that is outside of all calls. */
export function lastCallBefore(trace: Trace, event: number): number | undefined {
  const { chunks } = trace;
  for (let index = chunks.length - 1; index >= 0; index--) {
    const chunk = chunks[index];
    if (chunk === undefined || chunk.firstEvent >= event) continue;
    const cursor = trace.cursor(chunk.firstEvent);
    let last: number | undefined;
    while (cursor.next() && cursor.event.ordinal < event) {
      if (cursor.event.depth === 0 && isStart(cursor.event)) last = cursor.event.ordinal;
    }
    // The opening is where a debugger starts; there is nothing before it.
    if (last !== undefined) return last === 0 ? undefined : last;
  }
  return undefined;
}
