import type { RecordedEvent } from '../format/event';
import { OP_DMA_WRITE, OP_RING, OP_SYNC } from '../format/ops';
import { corrupt } from '../format/problem';
import type { ReplaySession } from './session';

/** Does what came from outside in the recording. */
export function perform(session: ReplaySession, event: RecordedEvent): void {
  const [first = 0, second = 0] = event.args;
  if (event.op === OP_RING) session.ring(first, second);
  else if (event.op === OP_DMA_WRITE) writeDma(session, event, first, second);
  else if (event.op !== OP_SYNC) throw corrupt(`'${event.name}' is no stimulus`);
}

function writeDma(
  session: ReplaySession,
  { input }: RecordedEvent,
  handle: number,
  offset: number,
): void {
  const ram = session.rams.get(handle);
  if (ram === undefined) {
    throw session.diverged(`no guest RAM ${handle} is mapped that the device could write to`, true);
  }
  const { bytes } = ram;
  if (offset + input.length > bytes.length) throw corrupt('a DMA write is out of bounds');
  // Of very large RAM a core replay keeps only the size.
  if (!(bytes instanceof Uint8Array)) return;
  bytes.set(input, offset);
  session.onDma?.(ram, offset, input.length);
}
