import type { RecordedEvent } from '../format/event';
import { type EventData, eventData, placedText } from '../format/text';
import type { Trace } from '../format/trace';
import { REPORTED_EVENTS } from '../limits';

/** The first difference of two traces. */
export interface TraceDifference {
  /** 'header': they are of different devices or options; 'event': something else happened. */
  readonly kind: 'header' | 'event';
  /** Number of the event in the first trace. */
  readonly event: number;
  /** undefined where the trace ends. */
  readonly first: string | undefined;
  readonly second: string | undefined;
  /** The last events before it, which both have. */
  readonly before: readonly string[];
}

export interface DiffOptions {
  /** Do not compare times. */
  readonly ignoreTime?: boolean;
  /** Do not compare headers. */
  readonly ignoreHeader?: boolean;
}

/** A key of an event: equal for events that are the same. */
function keyOf(event: RecordedEvent, ignoreTime: boolean): string {
  const { event: _, access: __, timeNs, ...rest } = eventData(event);
  return JSON.stringify(ignoreTime ? rest : { ...rest, timeNs });
}

/**
 * The first difference of two traces, undefined when they tell the same.
 * The uuid may differ.
 */
export function diffTraces(
  first: Trace,
  second: Trace,
  options: DiffOptions = {},
): TraceDifference | undefined {
  const { ignoreTime = false, ignoreHeader = false } = options;
  const headers = [first, second].map(({ header: { uuid: _, derived: __, ...rest } }) =>
    JSON.stringify(rest),
  );
  if (!ignoreHeader && headers[0] !== headers[1]) {
    const [a, b] = headers;
    return { kind: 'header', event: 0, first: a, second: b, before: [] };
  }
  const a = first.cursor();
  const b = second.cursor();
  const before: EventData[] = [];
  for (;;) {
    const more = a.next();
    const also = b.next();
    if (!more && !also) return undefined;
    if (more && also && keyOf(a.event, ignoreTime) === keyOf(b.event, ignoreTime)) {
      before.push(eventData(a.event));
      if (before.length > REPORTED_EVENTS) before.shift();
      continue;
    }
    return {
      kind: 'event',
      event: more ? a.event.ordinal : first.totals.events,
      first: more ? placedText(eventData(a.event)) : undefined,
      second: also ? placedText(eventData(b.event)) : undefined,
      before: before.map(placedText),
    };
  }
}
