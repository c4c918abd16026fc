import type { VfioPlatformDevice } from '../../device/device';
import type { RecordedEvent } from '../format/event';
import { eventData, eventText, placedText } from '../format/text';
import type { Trace } from '../format/trace';
import { REPORTED_EVENTS } from '../limits';
import { DivergenceError, type LineState } from './divergence';
import { isStart } from './match';

/** Where a replay differs, and how. */
export interface DivergencePlace {
  readonly trace: Trace;
  readonly timeNs: number;
  readonly device: VfioPlatformDevice | undefined;
  /** What the recording has; undefined at its end. */
  readonly next: RecordedEvent | undefined;
  /** What happened instead. */
  readonly actual: string;
}

/** The error that tells of a difference. */
export function describeDivergence(place: DivergencePlace): DivergenceError {
  const { trace, timeNs, device, next, actual } = place;
  const event = next?.ordinal ?? trace.totals.events;
  return new DivergenceError(trace.header.device.name, {
    expected: next && eventText(eventData(next)),
    actual,
    event,
    access: next?.access ?? trace.totals.accesses,
    timeNs,
    before: eventsBefore(trace, event),
    lines: lineStates(device),
  });
}

/** The events before one, as text. */
function eventsBefore(trace: Trace, event: number): readonly string[] {
  try {
    const cursor = trace.cursor(Math.max(0, event - REPORTED_EVENTS));
    const texts: string[] = [];
    while (cursor.next() && (cursor.event.ordinal < event || !isStart(cursor.event))) {
      if (cursor.event.ordinal >= event) break;
      texts.push(placedText(eventData(cursor.event)));
    }
    return texts.slice(-REPORTED_EVENTS);
  } catch {
    // The report is about something else.
    return [];
  }
}

function lineStates(device: VfioPlatformDevice | undefined): readonly LineState[] {
  if (device === undefined || device.closed) return [];
  return device.lines.map(
    ({ index, state, up, armed, maskRequested, retrying, stuck, waiting }) => ({
      index,
      state,
      up,
      armed,
      maskRequested,
      retrying,
      stuck,
      waiting,
    }),
  );
}
