import * as options from '../../../assembly/boundary/options';
import { NO_LINE } from '../../../assembly/state/layout';
import { checkInvariants, type LineSnapshot, type Snapshot } from '../../reference/invariants';
import type { LineState } from '../../reference/model';
import type { CoreRig } from './core-rig';
import { isPublished } from './next-eoi';

const STATES: readonly LineState[] = ['INACTIVE', 'PENDING', 'ACTIVE'];

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Looks at the rig at rest. The snapshot is written over with every look: it
 * is taken once for each state.
 */
export class Judge {
  readonly #rig: CoreRig;
  readonly #snapshot: Writable<Snapshot> & { lines: LineSnapshot[]; fifo: number[] };

  constructor(rig: CoreRig) {
    this.#rig = rig;
    const qemu = rig.setup.policy === 'qemu';
    this.#snapshot = {
      lines: rig.setup.lines.map(({ trigger, eoi }) => ({
        trigger,
        serialised: qemu || eoi === 'write' || eoi === 'access',
        state: 'INACTIVE',
        up: false,
        again: 0,
        masked: false,
        hostMasked: false,
        undrained: false,
        retrying: false,
        stuck: false,
        ledger: { owed: 0, causeless: 0 },
      })),
      fifo: [],
      directMapping: rig.setup.directMapping,
      mappingOn: true,
    };
  }

  /** The state as the invariants of test/reference want it. */
  look(): Snapshot {
    const rig = this.#rig;
    const { kernel } = rig;
    const snapshot = this.#snapshot;
    snapshot.mappingOn = rig.mapping !== 0;
    for (let i = 0; i < rig.count; i++) {
      const line = snapshot.lines[i] as LineSnapshot;
      const flags = rig.flagsOf(i);
      line.state = STATES[rig.stateOf(i)] as LineState;
      line.up = rig.up[i] !== 0;
      line.again = rig.again(i);
      line.masked = kernel.masked[i] !== 0;
      line.hostMasked = kernel.requested[i] !== 0;
      line.undrained = kernel.waiting[i] !== 0;
      line.retrying = (flags & options.LINE_RETRYING) !== 0;
      line.stuck = (flags & options.LINE_STUCK) !== 0;
      (line.ledger as { owed: number }).owed = rig.owed[i] as number;
    }
    this.#readFifo();
    return snapshot;
  }

  /** Violations of I1 to I8, 'I1 ...' each. */
  violations(): string[] {
    return checkInvariants(this.look()).map(({ id, text }) => `${id} ${text}`);
  }

  /** Where two places that say the same thing differ: core and machine, core and kernel. Or ''. */
  difference(): string {
    const rig = this.#rig;
    if (rig.coreMapping !== rig.mapping) return 'the machine has another mapping than the core';
    if (!isPublished(rig)) return 'the core has published another EOI than its state means';
    if (rig.coreTimer !== rig.timer) return 'the machine has another timer than the core';
    for (let i = 0; i < rig.count; i++) {
      const flags = rig.flagsOf(i);
      if (((flags & options.LINE_UP) !== 0) !== (rig.up[i] !== 0)) {
        return `line ${i} is not as high as the core believes`;
      }
      if (((flags & options.LINE_MASK_REQUESTED) !== 0) !== (rig.kernel.requested[i] !== 0)) {
        return `the core has forgotten, or made up, a request to mask line ${i}`;
      }
    }
    return '';
  }

  /** What is left over in a device that ought to be at rest. */
  leftOver(): string[] {
    const { lines, fifo, mappingOn } = this.look();
    const found = lines.flatMap(({ state, masked, undrained, ledger }, i) => [
      ...(state === 'INACTIVE' ? [] : [`line ${i} is ${state}`]),
      ...(masked ? [`line ${i} is masked`] : []),
      ...(undrained ? [`a signal of line ${i} waits`] : []),
      ...((ledger?.owed ?? 0) > 0 ? [`line ${i} owes an injection`] : []),
    ]);
    if (fifo.length > 0) found.push(`the FIFO holds ${fifo.join(', ')}`);
    if (!mappingOn) found.push('the direct mapping is off');
    return found;
  }

  /** Head first; a loop ends with one repeated line. */
  #readFifo(): void {
    const rig = this.#rig;
    const { fifo } = this.#snapshot;
    fifo.length = 0;
    let line = rig.fifoHead;
    while (line < rig.count) {
      const again = fifo.includes(line);
      fifo.push(line);
      if (again) break;
      line = rig.next(line);
    }
    if (line >= rig.count && line !== NO_LINE) fifo.push(line);
  }
}
