import { PHASE_CLOSED } from '../../../assembly/boundary/options';
import { ABI_VERSION } from '../../../assembly/boundary/version';
import { DEVICE, STATE_END, STATE_START } from '../../../assembly/state/layout';
import type { CoreMemory } from '../../core/core-memory';
import type { VfioPlatformDevice } from '../../device/device';
import type { LineTarget } from '../../device/line-targets';
import { VfioError } from '../../errors';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type RamMapping,
} from '../format/checkpoint';
import * as ops from '../format/ops';
import type { Trace, TraceCheckpoint } from '../format/trace';
import { guestRamOf } from './guest-ram';
import type { ReplayTap } from './tap';

/** The words of a core's state block, as they are now. */
export function stateOf(memory: CoreMemory): Uint32Array {
  return memory.words.subarray(STATE_START >>> 2, (STATE_END + 3) >>> 2);
}

/** What a trace has at a checkpoint; undefined where it is of another boundary version. */
export function checkpointAt(trace: Trace, place: TraceCheckpoint): Checkpoint | undefined {
  const checkpoint = decodeCheckpoint(trace.contents(place.chunk));
  return checkpoint.abi === ABI_VERSION ? checkpoint : undefined;
}

/**
 * Gives a device that has just been opened the state of a checkpoint.
 * @returns whether this build could take it over
 */
export function takeOver(
  device: VfioPlatformDevice | undefined,
  tap: ReplayTap | undefined,
  checkpoint: Checkpoint,
  place: TraceCheckpoint,
  target: (line: number) => LineTarget,
): boolean {
  const memory = tap?.memory;
  if (device === undefined || tap === undefined || memory === undefined) return false;
  const { session } = tap;
  const state = stateOf(memory);
  if (state.length !== checkpoint.state.length) return false;
  // What the host's side remembers comes about by calls that nobody answers or compares.
  session.muted = true;
  try {
    for (const [line, gsi] of checkpoint.lines) {
      device.connectLine(line, target(line), gsi === 0 ? undefined : gsi - 1);
    }
    for (const { size, iova, writable } of checkpoint.rams) {
      device.mapGuestRam(guestRamOf(size), iova, writable);
    }
    if (checkpoint.timerUsed) learnTimer(device, checkpoint, target);
    if (checkpoint.state[(DEVICE - STATE_START) >>> 2] === PHASE_CLOSED) device.close();
  } catch {
    return false;
  } finally {
    session.muted = false;
  }
  if (checkpoint.timerUsed && tap.timer === undefined) return false;
  tap.errors = [];
  state.set(checkpoint.state);
  tap.windows.restore(checkpoint.windows);
  tap.timerRuns = checkpoint.timerRuns;
  session.seek(place.event, place.chunk.timeNs);
  return true;
}

/** An interrupt makes the device set its timer, and so tell what that does. */
function learnTimer(
  device: VfioPlatformDevice,
  { lines }: Checkpoint,
  target: (line: number) => LineTarget,
): void {
  const line = lines[0]?.[0] ?? device.lines.find(({ usable }) => usable)?.index;
  if (line === undefined) return;
  const borrowed = lines.length === 0;
  if (borrowed) device.connectLine(line, target(line));
  device.signal(line, 1);
  if (borrowed) device.disconnectLine(line);
}

/**
 * The state of a replayed device before event `event`, as the contents of a checkpoint.
 * @throws VfioError TRACE_UNSUPPORTED where guest RAM was unmapped before, or an error waits
 */
export function takeCheckpoint(
  device: VfioPlatformDevice | undefined,
  tap: ReplayTap | undefined,
  event: number,
): Uint8Array {
  if (device === undefined || device.closed || tap?.memory === undefined) {
    throw new VfioError('TRACE_UNSUPPORTED', 'there is no open device to take a checkpoint of');
  }
  if (tap.errors.length > 0) {
    throw new VfioError(
      'TRACE_UNSUPPORTED',
      'there is no checkpoint where an error waits for the next call; begin before or after that',
    );
  }
  const { lines, rams } = connectedAt(tap.session.trace, event);
  const armed = device.lines.map((line) => line.armed);
  return encodeCheckpoint({
    abi: ABI_VERSION,
    timerRuns: tap.timerRuns,
    timerUsed: tap.timer !== undefined,
    // Of those that were to be connected, some may have been refused.
    lines: [...lines]
      .filter(([line]) => armed[line] !== undefined && armed[line] !== 'no')
      .sort(([a], [b]) => a - b),
    rams,
    windows: tap.windows.list(),
    state: stateOf(tap.memory),
  });
}

/** What the host has connected and mapped before an event, as far as a trace tells. */
export function connectedAt(trace: Trace, event: number) {
  const lines = new Map<number, number>();
  const rams: RamMapping[] = [];
  const cursor = trace.cursor();
  const begun: { op: number; args: number[] }[] = [];
  while (cursor.peek() && cursor.event.ordinal < event && cursor.next()) {
    const { op, phase, args } = cursor.event;
    if (phase === 'begin') begun.push({ op, args: [...args] });
    if (phase === 'begin') continue;
    const call = phase === 'whole' ? { op, args } : begun.pop();
    const [a = 0, b = 0, c = 0, d = 0] = call?.args ?? [];
    if (op === ops.OP_CONNECT_LINE) lines.set(a, b);
    else if (op === ops.OP_DISCONNECT_LINE) lines.delete(a);
    else if (op === ops.OP_MAP_RAM && phase !== 'thrown') {
      rams.push({ size: a, iova: (BigInt(c) << 32n) | BigInt(b), writable: d !== 0 });
    } else if (op === ops.OP_UNMAP_RAM) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        'there is no checkpoint after guest RAM was unmapped; begin before that',
      );
    }
  }
  return { lines, rams };
}
