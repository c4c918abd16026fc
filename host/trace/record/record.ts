import { ABI_VERSION } from '../../../assembly/boundary/version';
import type { DeviceLocation, VfioHost } from '../../boundary/host';
import { OwnDoorbell } from '../../boundary/own-doorbell';
import type { HostPort } from '../../boundary/port';
import type { DeviceTap } from '../../boundary/tap';
import type { CoreImports } from '../../core/boundary-types';
import type { CoreMemory } from '../../core/core-memory';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEvent } from '../../device/events';
import type { DeviceEnvironment } from '../../device/open';
import type { VfioError } from '../../errors';
import type { ResolvedOptions } from '../../options/options';
import { gateCalls } from '../calls';
import type { DmaMode, TraceHeader } from '../format/header';
import * as ops from '../format/ops';
import { WindowNumbers } from '../format/windows';
import { Checkpointer } from './checkpoint';
import { describeDevice } from './describe';
import { DmaRecorder } from './dma';
import { recordImports } from './imports';
import { checkRecordOptions, nameRecording, type RecordOptions } from './options';
import { Recorder } from './recorder';
import { SinkOwner } from './sink-owner';

const utf8 = new TextEncoder();

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
      problem ??= recorder.problem;
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

/** What the devices of one recording have in common. */
interface Recorded {
  readonly options: RecordOptions;
  readonly sink: SinkOwner;
  started(tap: RecordingTap): void;
  ended(tap: RecordingTap, recorder: Recorder): void;
}

/** Records one device. */
class RecordingTap implements DeviceTap {
  recorder: Recorder | undefined;
  dma: DmaRecorder | undefined;
  readonly #host: VfioHost;
  readonly #recorded: Recorded;
  readonly #options: ResolvedOptions;
  /** Of a host that has a tap itself, such as a replay. */
  readonly #inner: DeviceTap | undefined;
  #location!: DeviceLocation;
  #environment!: DeviceEnvironment;
  #memory!: CoreMemory;
  /** Rings for the signals that another thread has left to the recorder. */
  #settle = () => {};
  #checkpointer: Checkpointer | undefined;

  constructor(
    host: VfioHost,
    recorded: Recorded,
    options: ResolvedOptions,
    inner: DeviceTap | undefined,
  ) {
    this.#host = host;
    this.#recorded = recorded;
    this.#options = options;
    this.#inner = inner;
  }

  locate(find: () => DeviceLocation): DeviceLocation {
    const location = this.#inner ? this.#inner.locate(find) : find();
    // A descriptor that was opened beforehand has a number of this host only.
    this.#location = location.fd === undefined ? location : { ...location, name: 'fd' };
    return this.#location;
  }

  environment(given: DeviceEnvironment): DeviceEnvironment {
    const environment = this.#inner ? this.#inner.environment(given) : given;
    this.#environment = environment;
    const recorder = this.#start(environment);
    const checkpointer = new Checkpointer();
    this.#checkpointer = checkpointer;
    const { clock, setDirectMapping, listener } = environment;
    const replayed = this.#inner !== undefined;
    return {
      ...environment,
      clock: {
        nowNs: () => recorder.nowNs(),
        setTimer(delayNs, fire) {
          recorder.begin(ops.OP_TIMER_SET, delayNs);
          let running = true;
          checkpointer.timerRuns = true;
          checkpointer.timerUsed = true;
          const timer = clock.setTimer(delayNs, () => {
            running = false;
            checkpointer.timerRuns = false;
            recorder.within(ops.OP_TIMER, fire);
          });
          recorder.end();
          return {
            cancel() {
              if (!running) return;
              running = false;
              checkpointer.timerRuns = false;
              recorder.within(ops.OP_TIMER_CANCEL, () => timer.cancel());
            },
          };
        },
      },
      ...(setDirectMapping && {
        setDirectMapping(on: boolean) {
          // Accesses that nobody traps would not be in the recording. A replay knows that itself.
          const allowed = on && replayed;
          recorder.within(ops.OP_MAPPING, () => setDirectMapping(allowed), on ? 1 : 0);
        },
      }),
      listener(event: DeviceEvent) {
        // Traces come from an import, and are recorded there.
        if (event.type !== 'trace') {
          recorder.beginWith(ops.OP_EVENT, utf8.encode(JSON.stringify(event)));
        }
        try {
          listener?.(event);
        } catch (error) {
          if (event.type !== 'trace') recorder.thrown(error);
          throw error;
        }
        if (event.type !== 'trace') recorder.end();
      },
    };
  }

  imports(port: HostPort, imports: CoreImports): CoreImports {
    const inner = this.#inner ? this.#inner.imports(port, imports) : imports;
    const recorder = this.recorder as Recorder;
    const dma = this.dma as DmaRecorder;
    const { ring, unmask, guestRam, releaseGuestRam } = port;
    port.ring = (line, count) => {
      // A restored device rings for the edges of its snapshot itself, as it will in a replay.
      if (recorder.innermost !== ops.OP_RESTORE) {
        recorder.note(ops.OP_RING, undefined, line, count);
      }
      ring.call(port, line, count);
      recorder.noted();
    };
    port.unmask = (line) => {
      recorder.begin(ops.OP_UNMASK, line);
      const result = unmask.call(port, line);
      recorder.end(result);
      return result;
    };
    port.guestRam = (ram) => {
      dma.admit(ram);
      recorder.begin(ops.OP_GUEST_RAM, ram.bytes.length);
      const named = guestRam.call(port, ram);
      recorder.end(named.handle, named.offset);
      dma.add(named.handle, ram);
      return named;
    };
    port.releaseGuestRam = (handle) => {
      dma.remove(handle);
      recorder.within(ops.OP_RELEASE_RAM, () => releaseGuestRam.call(port, handle), handle);
    };
    const windows = new WindowNumbers();
    if (this.#checkpointer) this.#checkpointer.windows = windows;
    // A thread that rang in the core's memory would not be seen.
    const doorbell = new OwnDoorbell();
    this.#settle = () => doorbell.answer((line, count) => port.ring(line, count));
    Object.defineProperty(port, 'memory', { value: doorbell.memory });
    port.wake = this.#settle;
    return recordImports(recorder, inner, () => this.#memory, windows, this.#settle);
  }

  opening(memory: CoreMemory): void {
    this.#memory = memory;
    this.recorder?.begin(ops.OP_OPEN);
    this.#inner?.opening(memory);
  }

  opened(device: VfioPlatformDevice): void {
    const recorder = this.recorder as Recorder;
    recorder.end();
    recorder.describe(describeDevice(device));
    const checkpointer = this.#checkpointer as Checkpointer;
    // Inside of the gate: a call's end may be where a checkpoint is taken.
    checkpointer.follow(device);
    gateCalls(recorder, device, this.#environment.setDirectMapping !== undefined);
    this.#settleBefore(device);
    recorder.takeCheckpoint = () => checkpointer.take(this.#memory);
    this.#inner?.opened(device);
  }

  /** Lets signals of another thread arrive where the machine looks for them. */
  #settleBefore(device: VfioPlatformDevice): void {
    const { safePoint } = device;
    device.safePoint = () => {
      this.#settle();
      safePoint.call(device);
    };
    const prototype = Object.getPrototypeOf(device);
    Object.defineProperty(device, 'signalsWaiting', {
      get: () => {
        this.#settle();
        return Reflect.get(prototype, 'signalsWaiting', device) as boolean;
      },
    });
  }

  failed(error: unknown): void {
    const { recorder } = this;
    // Nothing is under way where it failed before the core was there.
    while (recorder?.running && recorder.innermost !== 0) recorder.thrown(error);
    this.#recorded.sink.failed(this, error);
    this.end();
    this.#inner?.failed(error);
  }

  end(): void {
    this.dma?.end();
    this.recorder?.finish();
  }

  #start(environment: DeviceEnvironment): Recorder {
    const { clock, setDirectMapping, vmFd, machine, guestRam = [] } = environment;
    const { name } = this.#location;
    const { options: recordOptions, sink } = this.#recorded;
    const { uuid, quirks = [], onProblem, checkpointInterval, chunkBytes } = recordOptions;
    const mode = this.#dmaMode();
    const { host: _, sysfsdev: __, fd: ___, ...options } = this.#options;
    const { capabilities } = machine ?? {};
    const { compatible, group, noiommu, groupPath } = this.#location;
    const header: TraceHeader = {
      uuid: nameRecording(uuid, name),
      writer: { name: 'vfio-platform-wasm', abi: ABI_VERSION },
      device: {
        name,
        compatible,
        group: group ?? null,
        noiommu,
        backend: groupPath === undefined ? 'cdev' : 'group',
      },
      options: options as Readonly<Record<string, unknown>>,
      machine:
        machine && capabilities
          ? {
              name: machine.name,
              deterministic: capabilities.deterministic,
              directMapping: capabilities.directMapping,
              reportsEoi: capabilities.reportsEoi,
            }
          : null,
      directMapping: setDirectMapping !== undefined,
      irqchip: vmFd !== undefined,
      dma: mode,
      guestRam: (this.#options.dma ? guestRam : []).map(({ guestAddress, bytes, writable }) => ({
        guestAddress,
        size: bytes.length,
        writable,
      })),
      quirks,
    };
    const recorder = new Recorder(
      sink.take(this, name),
      header,
      clock,
      checkpointInterval,
      chunkBytes,
    );
    recorder.onProblem = (problem) => onProblem?.(name, problem);
    recorder.onEnd = () => this.#recorded.ended(this, recorder);
    this.recorder = recorder;
    this.#recorded.started(this);
    this.dma = new DmaRecorder(recorder, this.#host.kernel, mode, name);
    return recorder;
  }

  #dmaMode(): DmaMode {
    if (this.#host.kernel.watchDma !== undefined) return 'exact';
    return this.#recorded.options.dma ?? 'none';
  }
}
