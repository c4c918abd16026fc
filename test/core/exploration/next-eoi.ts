import * as layout from '../../../assembly/state/layout';
import { EOI_ASK, EOI_NONE, EOI_SHORT, NO_LINE } from '../../../assembly/state/layout';
import type { CoreRig } from './core-rig';
import { wordOf } from './record-words';

const ACTIVATIONS = wordOf('VolatileRecord', 'activations', layout.VOLATILE);
const NEXT_READ_EOI = layout.NEXT_READ_EOI >>> 2;
const NEXT_WRITE_EOI = layout.NEXT_WRITE_EOI >>> 2;

/**
 * What the core must have published of the state that it is in, by the
 * description in assembly/state/layout.ts: which accesses complete a line.
 */
function expected(rig: CoreRig, write: boolean): number {
  const { setup, serialActive } = rig;
  const activation = rig.memory.words[ACTIVATIONS] as number;
  const rules = setup.lines.some(({ eoi }) => eoi === 'register');
  if (setup.policy === 'qemu' || setup.directMapping || rules) return (activation | EOI_ASK) >>> 0;
  if (serialActive === NO_LINE) return EOI_NONE;
  const byAnyAccess = setup.lines[serialActive]?.eoi === 'access';
  if (!write && !byAnyAccess) return EOI_NONE;
  const alone = rig.fifoHead === NO_LINE && rig.again(serialActive) === 0;
  return (activation | (alone ? EOI_SHORT : EOI_ASK)) >>> 0;
}

/** Publishes what the core would have, after its state has been put in place from outside. */
export function publish(rig: CoreRig): void {
  const { words } = rig.memory;
  words[NEXT_READ_EOI] = expected(rig, false);
  words[NEXT_WRITE_EOI] = expected(rig, true);
}

/** Whether the core has published what its state means. */
export function isPublished(rig: CoreRig): boolean {
  const { words } = rig.memory;
  return (
    words[NEXT_READ_EOI] === expected(rig, false) && words[NEXT_WRITE_EOI] === expected(rig, true)
  );
}
