import { EOI_ACCESS } from '../boundary/options';
import { EOI_ASK, EOI_NONE, EOI_SHORT, NO_LINE } from '../state/layout';
import { device, lineAt, machine, transient } from '../state/records';

/**
 * What a read or a write that reaches the device would complete now, published
 * in memory (NEXT_READ_EOI, NEXT_WRITE_EOI in state/layout.ts): most accesses
 * complete nothing, and whoever performs them need not ask then. Derived from
 * the state of the interrupt machine, so part of no snapshot.
 */

function nextEoi(write: bool): u32 {
  const activation = transient.activations;
  if ((transient.special | device.ruleCount) != 0) return activation | EOI_ASK;
  const active = machine.serialActive;
  if (active == NO_LINE) return EOI_NONE;
  const record = lineAt(active);
  if (!write && record.eoi != EOI_ACCESS) return EOI_NONE;
  // More happens than this line's end: another one, or its next edge, is served.
  if (machine.fifoHead != NO_LINE || record.again != 0) return activation | EOI_ASK;
  return activation | EOI_SHORT;
}

/** Call it after each change of what nextEoi() looks at, before the guest can make an access. */
export function publishNextEoi(): void {
  transient.nextReadEoi = nextEoi(false);
  transient.nextWriteEoi = nextEoi(true);
}

/** For the checks of the debug build. */
export function isNextEoiPublished(): bool {
  return transient.nextReadEoi == nextEoi(false) && transient.nextWriteEoi == nextEoi(true);
}
