import { EIO } from '../../../assembly/abi/linux';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_COUNT,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_FLAGS,
  VFIO_IRQ_SET_INDEX,
  VFIO_IRQ_SET_SIZE,
} from '../../../assembly/abi/vfio';
import * as layout from '../../../assembly/state/layout';
import { PlainIoctlArgument } from '../../../host/boundary/ioctl-argument';
import { recordFields } from '../../../host/core/fields';
import type { VfioPlatformDevice } from '../../../host/device/device';
import type { Fault } from '../../../host/sim/kernel/faults';
import { MemoryDevice } from '../../../host/sim/models/memory';
import type { Clock, TimerHandle } from '../../../host/time/clock';
import type { Output } from '../../reference/model';
import { DirectMachine } from '../../support/direct-machine';
import { REGIONS, type Setup } from './setup';

const NS_PER_MS = 1e6;
const UNMASK = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
const LOOP_BACK = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
/** What only the core's memory tells. */
export interface Inside {
  /** By following the links; a loop ends with one repeated line. */
  readonly fifo: readonly number[];
  readonly retries: readonly { readonly attempts: number; readonly wait: number }[];
}

/** The real core on the simulated kernel, through the public API; what it does is written down in order. */
export class CoreRig {
  readonly machine: DirectMachine<MemoryDevice>;
  readonly up: boolean[];
  readonly #outputs: Output[];
  readonly #ioctl: (request: number, flags: number, line: number) => number;
  readonly #signals: number[] = [];
  readonly #unmaskFaults: (Fault | undefined)[] = [];

  static async open(setup: Setup): Promise<CoreRig> {
    const outputs: Output[] = [];
    const up = setup.lines.map(() => false);
    let deviceFd = -1;
    let ioctl = (_: number, __: number, ___: number): number => -1;
    const machine = await DirectMachine.open({
      model: new MemoryDevice({
        regions: REGIONS.map(({ size, access, area }) => ({
          size,
          access,
          mappable: area !== undefined,
          ...(area !== undefined &&
            area[1] < size && { sparse: [{ offset: area[0], size: area[1] - area[0] }] }),
        })),
        lines: setup.lines.map(({ trigger }) => trigger),
        resettable: setup.resettable,
      }),
      device: {
        policy: setup.policy,
        edgeCount: setup.edgeCount,
        mmapTimeoutMs: setup.timeoutMs,
        unmaskAttempts: setup.maxUnmaskAttempts,
        accessWidths: setup.accessWidths,
        xNoMmap: setup.xNoMmap,
        stallLimitMs: 0,
        memoryBytes: 1 << 20,
      },
      direct: setup.directMapping,
      wrapClock: (clock) => new RecordingClock(clock, outputs),
      onMapping: (on) => outputs.push({ kind: 'mapping', on }),
      target: (line) => lineTarget(line, outputs, up),
      prepare: ({ kernel }) => {
        const original = kernel.ioctl.bind(kernel);
        kernel.ioctl = (fd, request, argument) => {
          if (request === VFIO_DEVICE_SET_IRQS) {
            deviceFd = fd;
            const view = new DataView(argument.bytes.buffer, argument.bytes.byteOffset);
            if (view.getUint32(VFIO_IRQ_SET_FLAGS, true) === UNMASK) {
              outputs.push({ kind: 'unmask', line: view.getUint32(VFIO_IRQ_SET_INDEX, true) });
            }
          }
          return original(fd, request, argument);
        };
        ioctl = (request, flags, line) => {
          const argument = new PlainIoctlArgument(VFIO_IRQ_SET_SIZE);
          argument.length = VFIO_IRQ_SET_SIZE;
          argument.view.setUint32(0, VFIO_IRQ_SET_SIZE, true);
          argument.view.setUint32(VFIO_IRQ_SET_FLAGS, flags, true);
          argument.view.setUint32(VFIO_IRQ_SET_INDEX, line, true);
          argument.view.setUint32(VFIO_IRQ_SET_COUNT, 1, true);
          return original(deviceFd, request, argument);
        };
      },
    });
    // Policy qemu has no EOI sources to choose from.
    const strict = setup.policy === 'strict';
    for (const rule of strict ? setup.rules : []) machine.device.addEoiRule(rule);
    setup.lines.forEach(({ eoi }, line) => {
      if (!strict) return;
      // A line gets source 'register' with its first rule, and loses it with any other source.
      if (eoi !== 'register') machine.device.setEoiSource(line, eoi);
    });
    outputs.length = 0;
    return new CoreRig(machine, outputs, up, ioctl);
  }

  private constructor(
    machine: DirectMachine<MemoryDevice>,
    outputs: Output[],
    up: boolean[],
    ioctl: (request: number, flags: number, line: number) => number,
  ) {
    this.machine = machine;
    this.up = up;
    this.#outputs = outputs;
    this.#ioctl = ioctl;
    machine.placed.onIrq((line, event) => {
      if (event === 'signal') this.#signals.push(line);
    });
  }

  get device(): VfioPlatformDevice {
    return this.machine.device;
  }

  /** What the core has done since the last call, "stuck" events at the end. */
  takeOutputs(): Output[] {
    const stuck = this.machine.events
      .splice(0)
      .flatMap((event): Output[] =>
        event.type === 'line-stuck' ? [{ kind: 'stuck', line: event.line }] : [],
      );
    return [...this.#outputs.splice(0), ...stuck];
  }

  /** The lines that signalled since the last call, once for each signal. */
  takeSignals(): number[] {
    return this.#signals.splice(0);
  }

  reconnect(line: number): void {
    this.device.connectLine(line, lineTarget(line, this.#outputs, this.up));
  }

  loopBack(line: number): void {
    this.#ioctl(VFIO_DEVICE_SET_IRQS, LOOP_BACK, line);
  }

  /** Not by the core, so it is none of its outputs. */
  foreignUnmask(line: number): void {
    this.#ioctl(VFIO_DEVICE_SET_IRQS, UNMASK, line);
  }

  failUnmasks(line: number, on: boolean): void {
    this.#unmaskFaults[line]?.remove();
    this.#unmaskFaults[line] = on
      ? this.machine.placed.faults.inject({
          call: 'ioctl',
          request: VFIO_DEVICE_SET_IRQS,
          flags: UNMASK,
          index: line,
          errno: EIO,
          times: Infinity,
        })
      : undefined;
  }

  /** When the mmap timer fires, in milliseconds. */
  get deadlineMs(): number | undefined {
    const due = this.machine.clock.nextDueNs();
    return due === undefined ? undefined : due / NS_PER_MS;
  }

  inside(lines: number): Inside {
    // Read from outside: a snapshot would bring signals to the doorbell.
    // biome-ignore lint/complexity/useLiteralKeys: the field is private
    const words = this.device['words'];
    const word = (address: number) => (words[address >>> 2] as number) >>> 0;
    const field = (line: number, name: (typeof recordFields.LineRecord)[number]) =>
      word(layout.LINES + line * layout.LINE_STRIDE + recordFields.LineRecord.indexOf(name) * 4);
    const fifo: number[] = [];
    let next = word(layout.MACHINE + recordFields.MachineRecord.indexOf('fifoHead') * 4);
    while (next !== layout.NO_LINE) {
      const seen = fifo.includes(next);
      fifo.push(next);
      if (seen) break;
      next = field(next, 'next');
    }
    const retries = Array.from({ length: lines }, (_, line) => ({
      attempts: field(line, 'unmaskFailures'),
      wait: field(line, 'retryWait'),
    }));
    return { fifo, retries };
  }
}

function lineTarget(line: number, outputs: Output[], up: boolean[]) {
  const set = (level: boolean) => () => {
    outputs.push({ kind: level ? 'up' : 'down', line });
    up[line] = level;
  };
  return { up: set(true), down: set(false) };
}

/** The device's only timer is the mmap timer. */
class RecordingClock implements Clock {
  readonly #clock: Clock;
  readonly #outputs: Output[];

  constructor(clock: Clock, outputs: Output[]) {
    this.#clock = clock;
    this.#outputs = outputs;
  }

  nowNs(): number {
    return this.#clock.nowNs();
  }

  setTimer(delayNs: number, fire: () => void): TimerHandle {
    const last = this.#outputs.at(-1);
    // Cancelling and setting anew is one restart.
    if (last?.kind === 'timer' && last.ms === 'off') this.#outputs.pop();
    this.#outputs.push({ kind: 'timer', ms: delayNs / NS_PER_MS });
    let waits = true;
    const timer = this.#clock.setTimer(delayNs, () => {
      waits = false;
      fire();
    });
    return {
      cancel: () => {
        if (!waits) return;
        waits = false;
        timer.cancel();
        this.#outputs.push({ kind: 'timer', ms: 'off' });
      },
    };
  }
}
