import type { VfioHost } from '../../boundary/host';
import { checkMemoryBytes } from '../../core/core';
import type { DeviceListener } from '../../device/events';
import type { DeviceOptions } from '../../options/options';
import { parseOptions } from '../../options/parse-options';
import { unsupported } from '../format/problem';
import type { Trace } from '../format/trace';

/** How a core replay is done. */
export interface CoreReplayOptions {
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
  /**
   * Whether replayCore() looks for where a difference came about, which takes
   * some more replays; true unless given.
   */
  readonly locate?: boolean;
  /** Told of the device's events. */
  readonly listener?: DeviceListener;
  /** Gets between the replayed host and the device, for example record(). */
  readonly through?: (host: VfioHost) => VfioHost;
}

/** The options with which the device of a trace was opened. */
export function replayOptions(trace: Trace): DeviceOptions {
  return { ...trace.header.options, host: trace.header.device.name } as DeviceOptions;
}

/** @throws VfioError TRACE_UNSUPPORTED where this release does not know the recorded options */
export function checkOptions(trace: Trace): void {
  try {
    checkMemoryBytes(parseOptions(replayOptions(trace)).memoryBytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unsupported(
      `its device was opened with options that cannot be given here (${why})`,
      cause,
    );
  }
}
