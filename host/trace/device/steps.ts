import { VfioError } from '../../errors';
import * as ops from '../format/ops';
import type { Trace } from '../format/trace';
import { MAX_DEVICE_STEPS } from '../limits';
import { RamPlaces } from './ram-places';

/** An access that reached the device. */
export interface AccessStep {
  readonly kind: 'read' | 'write';
  readonly region: number;
  readonly offset: number;
  readonly width: number;
  readonly value: number;
  readonly timeNs: number;
  /** Number of its event in the recording. */
  readonly event: number;
}

/** A signal that the device sent. */
export interface SignalStep {
  readonly kind: 'signal';
  readonly line: number;
  readonly count: number;
  readonly timeNs: number;
  /** Number of its event in the recording. */
  readonly event: number;
}

/** Bytes that the device wrote to guest RAM. */
export interface DmaStep {
  readonly kind: 'dma';
  readonly iova: number;
  readonly bytes: Uint8Array;
  readonly timeNs: number;
  /** Number of its event in the recording. */
  readonly event: number;
}

export type DeviceStep = AccessStep | SignalStep | DmaStep;

type Unplaced = Omit<AccessStep, 'event'> | Omit<SignalStep, 'event'> | Omit<DmaStep, 'event'>;

/**
 * What happened at the device itself, in order: accesses as they reached it,
 * signals as they arrived, what it wrote to guest RAM at its IOVA.
 * @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED (more than
 *   MAX_DEVICE_STEPS; a DMA write to guest RAM of which the trace does not say where it is)
 */
export function deviceSteps(trace: Trace): readonly DeviceStep[] {
  const steps: DeviceStep[] = [];
  const push = (step: Unplaced) => {
    if (steps.length >= MAX_DEVICE_STEPS) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        `a device can be made of ${MAX_DEVICE_STEPS} steps at most; trim the recording`,
      );
    }
    steps.push({ ...step, event: event.ordinal });
  };
  const ram = new RamPlaces(trace);
  /** The region of the access that is under way, by depth. */
  const regions: number[] = [];
  const cursor = trace.cursor();
  const { event } = cursor;
  /** Offset of the pread that has begun and not ended. */
  let preadAt = 0;
  while (cursor.next()) {
    const { op, phase, timeNs, depth } = event;
    const [a = 0, b = 0, c = 0, d = 0] = event.args;
    ram.follow(event);
    const starts = phase === 'whole' || phase === 'begin';
    const region = regions[depth - 1] ?? 0;
    if (ops.isAccess(op) && starts) regions[depth] = a;
    else if (starts && phase === 'begin') regions[depth] = region;
    if (event.window >= 0) {
      const value = op === ops.OP_READ ? (event.results[0] as number) : d;
      push({
        kind: op === ops.OP_READ ? 'read' : 'write',
        region: a,
        offset: b,
        width: c,
        value,
        timeNs,
      });
    } else if (op === ops.OP_LOAD && (phase === 'whole' || phase === 'end')) {
      push({
        kind: 'read',
        region,
        offset: b,
        width: c,
        value: event.results[0] as number,
        timeNs,
      });
    } else if (op === ops.OP_STORE && starts) {
      push({ kind: 'write', region, offset: b, width: c, value: d, timeNs });
    } else if (op === ops.OP_PREAD && phase !== 'begin') {
      pushBytes(push, 'read', region, phase === 'whole' ? c : preadAt, event.output, timeNs);
    } else if (op === ops.OP_PWRITE && starts) {
      pushBytes(push, 'write', region, b, event.input, timeNs);
    } else if ((op === ops.OP_RING || op === ops.OP_SIGNAL) && starts) {
      push({ kind: 'signal', line: a, count: b, timeNs });
    } else if (op === ops.OP_DMA_WRITE) {
      const iova = ram.iovaOf(a, b, event.ordinal);
      push({ kind: 'dma', iova, bytes: event.input.slice(), timeNs });
    }
    if (op === ops.OP_PREAD && phase === 'begin') preadAt = c;
  }
  return steps;
}

/** The kernel makes accesses of 1, 2 and 4 bytes of what is read or written at once. */
function pushBytes(
  push: (step: Unplaced) => void,
  kind: 'read' | 'write',
  region: number,
  offset: number,
  bytes: Uint8Array,
  timeNs: number,
): void {
  let done = 0;
  while (done < bytes.length) {
    const at = offset + done;
    const rest = bytes.length - done;
    const width = at % 4 === 0 && rest >= 4 ? 4 : at % 2 === 0 && rest >= 2 ? 2 : 1;
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) {
      value = value * 256 + (bytes[done + lane] as number);
    }
    push({ kind, region, offset: at, width, value, timeNs });
    done += width;
  }
}
