import type { DeviceLocation, VfioHost } from '../../boundary/host';
import { OwnDoorbell } from '../../boundary/own-doorbell';
import type { HostPort } from '../../boundary/port';
import type { DeviceTap } from '../../boundary/tap';
import type { CoreImports } from '../../core/boundary-types';
import type { CoreMemory } from '../../core/core-memory';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEvent } from '../../device/events';
import type { DeviceEnvironment } from '../../device/open';
import type { ResolvedOptions } from '../../options/options';
import { gateCalls } from '../calls';
import type { DmaMode } from '../format/header';
import * as ops from '../format/ops';
import { WindowNumbers } from '../format/windows';
import { Checkpointer } from './checkpoint';
import { describeDevice, headerOf } from './describe';
import { DmaRecorder } from './dma';
import { CallEnds, recordImports } from './imports';
import type { RecordOptions } from './options';
import { Recorder } from './recorder';
import type { SinkOwner } from './sink-owner';

const utf8 = new TextEncoder();

/** What the devices of one recording have in common. */
export interface Recorded {
  readonly options: RecordOptions;
  readonly sink: SinkOwner;
  started(tap: RecordingTap): void;
  ended(tap: RecordingTap, recorder: Recorder): void;
}

/** Records one device. */
export class RecordingTap implements DeviceTap {
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
  #errorWaits = () => false;
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

  get windowBytes(): number | undefined {
    return this.#inner?.windowBytes;
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
          const timer = recorder.ending(() =>
            clock.setTimer(delayNs, () => {
              running = false;
              checkpointer.timerRuns = false;
              recorder.within(ops.OP_TIMER, fire);
            }),
          );
          checkpointer.timerRuns = true;
          checkpointer.timerUsed = true;
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
        if (event.type === 'trace') {
          listener?.(event);
          return;
        }
        recorder.beginWith(ops.OP_EVENT, utf8.encode(JSON.stringify(event)));
        recorder.ending(() => listener?.(event));
        recorder.end();
      },
    };
  }

  imports(port: HostPort, imports: CoreImports): CoreImports {
    const inner = this.#inner ? this.#inner.imports(port, imports) : imports;
    const recorder = this.recorder as Recorder;
    const dma = this.dma as DmaRecorder;
    const ends = new CallEnds(recorder, port);
    const { ring, unmask, guestRam, releaseGuestRam } = port;
    this.#errorWaits = () => port.failed;
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
      ends.end(result);
      return result;
    };
    port.guestRam = (ram) => {
      dma.admit(ram);
      recorder.begin(ops.OP_GUEST_RAM, ram.bytes.length);
      const named = recorder.ending(() => guestRam.call(port, ram));
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
    return recordImports(recorder, inner, ends, () => this.#memory, windows, this.#settle);
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
    // An error that waits is in the host, where a replay that goes on from a checkpoint would not find it.
    recorder.output.takeCheckpoint = () =>
      this.#errorWaits() ? undefined : checkpointer.take(this.#memory);
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
    // Once for all: a machine asks after each access.
    const own = Object.getOwnPropertyDescriptor(prototype, 'signalsWaiting')?.get as () => boolean;
    const settle = this.#settle;
    Object.defineProperty(device, 'signalsWaiting', {
      get() {
        settle();
        return own.call(device);
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
    const { name } = this.#location;
    const { options, sink } = this.#recorded;
    const mode = this.#dmaMode();
    const header = headerOf(options, this.#location, this.#options, environment, mode);
    const recorder = new Recorder(
      sink.take(this, name),
      header,
      environment.clock,
      options.checkpointInterval,
      options.chunkBytes,
    );
    recorder.output.onProblem = (problem) => options.onProblem?.(name, problem);
    recorder.output.onEnd = () => this.#recorded.ended(this, recorder);
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
