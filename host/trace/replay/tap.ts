import type { DeviceLocation } from '../../boundary/host';
import type { HostPort } from '../../boundary/port';
import type { DeviceTap } from '../../boundary/tap';
import type { CoreImports } from '../../core/boundary-types';
import { WINDOW_START } from '../../core/core';
import type { CoreMemory } from '../../core/core-memory';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEvent } from '../../device/events';
import type { DeviceEnvironment } from '../../device/open';
import { VfioError } from '../../errors';
import type { ResolvedOptions } from '../../options/options';
import type { TimerHandle } from '../../time/clock';
import { isReplayFailure } from '../error-code';
import type { TraceHeader } from '../format/header';
import * as ops from '../format/ops';
import { WindowNumbers } from '../format/windows';
import { stateOf } from './core-state';
import { replayImports } from './imports';
import type { ReplaySession } from './session';

const utf8 = new TextEncoder();

/** Puts a trace in the place of a device's host. */
export class ReplayTap implements DeviceTap {
  /** Windows have addresses only: all accesses to them are answered from the trace. */
  readonly coreBytes = WINDOW_START;
  readonly windowBytes: number;
  readonly session: ReplaySession;
  readonly windows = new WindowNumbers();
  memory: CoreMemory | undefined;
  /** What a timer of the device does; undefined while none was set. */
  timer: (() => void) | undefined;
  timerRuns = false;
  /** The machine's timer behind it, where there is a machine. */
  protected running: TimerHandle | undefined;
  /** Opening failed, and the recorded one in the same way. */
  failedAsRecorded = false;
  protected readonly options: ResolvedOptions;
  #port!: HostPort;
  #opening = false;

  constructor(session: ReplaySession, options: ResolvedOptions) {
    this.session = session;
    this.options = options;
    const { memoryBytes } = session.trace.header.options;
    this.windowBytes = typeof memoryBytes === 'number' ? memoryBytes : options.memoryBytes;
  }

  locate(): DeviceLocation {
    const { header } = this.session.trace;
    checkOptions(header, this.options);
    const { name, compatible, group, noiommu, backend } = header.device;
    return {
      name,
      // Stands for the real path, so that a device is not opened twice.
      path: `/replay/${name}`,
      compatible,
      group: group ?? undefined,
      groupPath: backend === 'group' ? '/replay/group' : undefined,
      noiommu,
      cdevPath: undefined,
      fd: undefined,
    };
  }

  environment(given: DeviceEnvironment): DeviceEnvironment {
    const { session } = this;
    const { header } = session.trace;
    const { clock, listener, setDirectMapping, vmFd } = given;
    checkSurroundings(header, 'directMapping', setDirectMapping !== undefined);
    checkSurroundings(header, 'irqchip', vmFd !== undefined);
    return {
      ...given,
      clock: {
        nowNs: () =>
          session.depth > 0 || session.nowNs === undefined ? session.timeNs : session.nowNs(),
        setTimer: (delayNs, fire) => this.#setTimer(delayNs, fire, clock),
      },
      ...(setDirectMapping && {
        setDirectMapping: (on: boolean) => {
          if (session.muted) return;
          session.within(ops.OP_MAPPING, () => setDirectMapping(false), on ? 1 : 0);
        },
      }),
      listener: (event: DeviceEvent) => {
        if (session.muted) return;
        if (event.type === 'trace') {
          listener?.(event);
          return;
        }
        const text = utf8.encode(JSON.stringify(event));
        session.within(ops.OP_EVENT, () => listener?.(event), 0, text);
      },
    };
  }

  imports(port: HostPort, imports: CoreImports): CoreImports {
    const { session } = this;
    this.#port = port;
    session.port = port;
    // By name at the time: a recorder may have got in between since.
    session.ring = (line, count) => port.ring(line, count);
    port.unmask = (line) => {
      if (session.muted) return 0;
      session.answer(ops.OP_UNMASK, line);
      return session.event.results[0] as number;
    };
    port.guestRam = (ram) => {
      const size = ram.bytes.length;
      if (session.muted) {
        const handle = session.rams.size;
        session.rams.set(handle, ram);
        return { handle, offset: 0 };
      }
      session.answer(ops.OP_GUEST_RAM, size);
      const [handle = 0, offset = 0] = session.event.results;
      session.rams.set(handle, ram);
      return { handle, offset };
    };
    port.releaseGuestRam = (handle) => {
      if (session.muted) return;
      session.answer(ops.OP_RELEASE_RAM, handle);
      session.rams.delete(handle);
    };
    const memoryOf = () => this.memory as CoreMemory;
    return replayImports(session, imports, memoryOf, this.windows);
  }

  opening(memory: CoreMemory): void {
    this.memory = memory;
    this.session.coreState = () => stateOf(memory);
    this.session.enter(ops.OP_OPEN);
    this.#opening = true;
  }

  opened(device: VfioPlatformDevice): void {
    this.session.device = device;
    this.#opening = false;
    this.session.leave(ops.OP_OPEN, true);
  }

  failed(error: unknown): void {
    if (!this.#opening || isReplayFailure(error)) return;
    this.session.leaveThrown(ops.OP_OPEN, true, error);
    this.failedAsRecorded = true;
  }

  /** The timer of the device fires. */
  protected fire(): void {
    this.timerRuns = false;
    this.timer?.();
  }

  /** What the machine's clock shall do for a timer; nothing in core replay. */
  protected startTimer(
    _clock: DeviceEnvironment['clock'],
    _delayNs: number,
  ): TimerHandle | undefined {
    return undefined;
  }

  /** Errors that wait for the device to throw them. */
  get errors(): readonly unknown[] {
    return this.#port.errors;
  }

  set errors(errors: readonly unknown[]) {
    this.#port.errors = errors;
  }

  #setTimer(delayNs: number, fire: () => void, clock: DeviceEnvironment['clock']): TimerHandle {
    this.timer = fire;
    if (this.session.muted) return this.#handle;
    const start = () => {
      this.running = this.startTimer(clock, delayNs);
    };
    this.session.within(ops.OP_TIMER_SET, start, delayNs);
    this.timerRuns = true;
    return this.#handle;
  }

  /** A device has one timer at a time, so one handle does; also for a device that went back in time. */
  readonly #handle: TimerHandle = {
    cancel: () => {
      if (!this.timerRuns || this.session.muted) return;
      this.timerRuns = false;
      this.session.within(ops.OP_TIMER_CANCEL, () => this.running?.cancel());
    },
  };
}

function checkOptions(header: TraceHeader, options: ResolvedOptions): void {
  const { host: _, sysfsdev: __, fd: ___, memoryBytes: ____, ...given } = options;
  const { memoryBytes: _____, ...recorded } = header.options;
  // As JSON, because that is what the trace has.
  const now = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
  for (const name of new Set([...Object.keys(recorded), ...Object.keys(now)])) {
    const [before, after] = [recorded[name], now[name]].map((value) => JSON.stringify(value));
    if (before === after) continue;
    throw new VfioError(
      'TRACE_MISMATCH',
      `${header.device.name}: the recording was made with option ${name} ${before ?? 'not set'}, ` +
        `not ${after ?? 'unset'}; replayOptions() gives the options of a recording`,
      { device: header.device.name },
    );
  }
}

function checkSurroundings(
  header: TraceHeader,
  name: 'directMapping' | 'irqchip',
  present: boolean,
): void {
  if (header[name] === present) return;
  const what = name === 'irqchip' ? 'a kernel irqchip' : 'a machine that maps devices directly';
  throw new VfioError(
    'TRACE_MISMATCH',
    `${header.device.name}: the recording was made ${present ? 'without' : 'with'} ${what}`,
    { device: header.device.name },
  );
}
