import type { VfioHost } from '../../boundary/host';
import type { VfioPlatformDevice } from '../../device/device';
import type { LineTarget } from '../../device/line-targets';
import { type DeviceEnvironment, openDevice } from '../../device/open';
import { VfioError } from '../../errors';
import type { DeviceOptions } from '../../options/options';
import * as ops from '../format/ops';
import type { Trace } from '../format/trace';
import { makeCall } from './calls';
import { replayOptions } from './core-options';
import { connectedAt } from './core-state';
import { TraceDebugger } from './debugger';

/** How a device goes on from a recording. */
export interface ContinueOptions extends DeviceEnvironment {
  /** Event before which it goes on, or before the call in which it is; the end unless given. */
  readonly event?: number;
  /** Where a connected line goes from now on. */
  readonly target: (line: number) => LineTarget;
  /** In place of recorded options, such as the device's name on this host. */
  readonly options?: DeviceOptions;
}

/**
 * Opens the recorded device on another host, live, in the state that it had in
 * the recording: lines connected, masked, waiting or being handled, with the EOI
 * sources and rules of that time. From there on this host decides what happens.
 *
 * What the hardware itself holds in its registers is in no recording: on a
 * simulated host it is the model's. Level lines are sampled again.
 *
 * @throws DivergenceError; VfioError TRACE_UNSUPPORTED where the device was not
 *   open there or guest RAM was mapped after its opening, and what opening a device throws
 */
export async function continueRecording(
  trace: Trace,
  host: VfioHost,
  { event = Number.POSITIVE_INFINITY, target, options, ...environment }: ContinueOptions,
): Promise<VfioPlatformDevice> {
  const { name } = trace.header.device;
  const walk = await TraceDebugger.start(trace, environment.core ? { core: environment.core } : {});
  try {
    await walk.seek(event);
    // Closing it is the last thing in a recording that is whole.
    while (walk.device?.closed !== false && (await walk.stepBack()));
    if (walk.device?.closed !== false) {
      throw new VfioError('TRACE_UNSUPPORTED', `${name}: the device was never open`);
    }
    const { lines, rams } = connectedAt(trace, walk.position);
    if (rams.length > 0) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        `${name}: guest RAM was mapped after the opening, which cannot be done again here; ` +
          'go on from an earlier event, or open the device and restore walk.snapshot()',
      );
    }
    const device = await openDevice(host, { ...replayOptions(trace), ...options }, environment);
    try {
      for (const [line, gsi] of lines) {
        if (walk.device.lines[line]?.armed === 'no') continue;
        device.connectLine(line, target(line), gsi === 0 ? undefined : gsi - 1);
      }
      chooseEois(trace, walk.position, device);
      device.restore(walk.snapshot());
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  } finally {
    walk.dispose();
  }
}

/** Makes the calls again that have chosen how lines are completed; others were refused. */
function chooseEois(trace: Trace, event: number, device: VfioPlatformDevice): void {
  const cursor = trace.cursor();
  const begun: { op: number; args: number[]; input: Uint8Array }[] = [];
  while (cursor.peek() && cursor.event.ordinal < event && cursor.next()) {
    const { op, phase, args, input } = cursor.event;
    if (phase === 'begin') begun.push({ op, args: [...args], input: input.slice() });
    if (phase === 'begin') continue;
    const call = phase === 'whole' ? { op, args, input: input.slice() } : begun.pop();
    if (call === undefined || phase === 'thrown') continue;
    if (call.op !== ops.OP_SET_EOI && call.op !== ops.OP_ADD_RULE) continue;
    makeCall(device, NOTHING_ELSE, call.op, call.args, call.input);
  }
}

const NOTHING_ELSE = {
  target: () => ({ up() {}, down() {} }),
  fireTimer() {},
};
