import type { VfioHost } from '../../boundary/host';
import type { DeviceTap } from '../../boundary/tap';
import type { VfioError } from '../../errors';
import { checkRecordOptions, type RecordOptions } from './options';
import { SinkOwner } from './sink-owner';
import { type Recorded, RecordingTap } from './tap';

/** A host that records the devices that are opened on it, each into a trace of its own. */
export interface Recording extends VfioHost {
  /** Events written down so far, all devices together. */
  readonly events: number;
  /** Why a recording ended early; undefined while all is well. */
  readonly problem: VfioError | undefined;
  /** Writes what is complete to the sinks, so that it survives a crash. */
  flush(): void;
  /** A named point at which changed guest RAM is written down (`dma: 'at-sync'`). */
  sync(name: string): void;
  /**
   * Ends all recordings in order. Closing a device ends its recording by itself.
   * @throws VfioError TRACE_SINK when one had ended early
   */
  finish(): void;
}

/**
 * Records every device that is opened on the returned host. The host itself,
 * and devices opened on it directly, stay as they are.
 *
 * @throws VfioError OPTION_INVALID
 */
export function record(host: VfioHost, options: RecordOptions): Recording {
  checkRecordOptions(options);
  const running = new Set<RecordingTap>();
  let ended = 0;
  let problem: VfioError | undefined;
  const recorded: Recorded = {
    options,
    sink: new SinkOwner(options.sink),
    started(tap) {
      running.add(tap);
    },
    ended(tap, recorder) {
      // Not the recorder itself: its buffers would live as long as the recording.
      running.delete(tap);
      ended += recorder.events;
      problem ??= recorder.output.problem;
    },
  };
  return {
    kernel: host.kernel,
    sysfs: host.sysfs,
    tap: {
      tap(resolved) {
        const inner = host.tap?.tap(resolved) as DeviceTap | undefined;
        return new RecordingTap(host, recorded, resolved, inner);
      },
    },
    get events() {
      let events = ended;
      for (const { recorder } of running) events += recorder?.events ?? 0;
      return events;
    },
    get problem() {
      return problem;
    },
    flush() {
      for (const { recorder } of running) recorder?.flush();
    },
    sync(name) {
      for (const { dma } of running) dma?.sync(name);
    },
    finish() {
      for (const tap of running) tap.end();
      if (problem) throw problem;
    },
  };
}
