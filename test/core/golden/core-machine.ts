import { EIO } from '../../../assembly/abi/linux';
import { VFIO_DEVICE_SET_IRQS } from '../../../assembly/abi/vfio';
import type { DeviceOptions } from '../../../host/options/options';
import { MemoryDevice } from '../../../host/sim/models/memory';
import type { SimulatedHost } from '../../../host/sim/simulated-host';
import {
  GOLDEN_REGION_BYTES,
  type GoldenTrace,
  type MachineUnderTest,
  RUN_MS,
  type StepResult,
} from '../../golden/player';
import { DirectMachine } from '../../support/direct-machine';

/** Offset bits of a VFIO device file below the region index. */
const HIGH_OFFSET_BITS = 8;
const IRQ_SET_UNMASK = 0x11;
const NS_PER_MS = 1e6;

/** Who splits wide and misaligned accesses; see DirectMachineOptions. */
export type Splitting = 'device' | 'machine';

/** The golden word for each trace event that QEMU's log was reduced to. */
const WORDS: Readonly<Record<string, (values: Readonly<Record<string, unknown>>) => string>> = {
  vfio_platform_intp_interrupt: ({ pin }) => `inject ${pin}`,
  vfio_intp_interrupt_set_pending: ({ index }) => `pending ${index}`,
  vfio_platform_intp_inject_pending_lockheld: ({ pin }) => `inject-pending ${pin}`,
  vfio_platform_eoi: ({ pin }) => `eoi ${pin}`,
  vfio_platform_intp_mmap_enable: ({ pin }) => `still-active ${pin}`,
  vfio_platform_mmaps_set_enabled: ({ enabled }) => `mmaps ${enabled}`,
};

/** Writes down the calls that golden traces show; a call that fails leaves no mark. */
function recordCalls({ kernel }: SimulatedHost, sys: string[]): void {
  const { pread, pwrite, ioctl } = kernel;
  const transfers = { pread, pwrite };
  for (const name of ['pread', 'pwrite'] as const) {
    kernel[name] = (fd, memory, pointer, length, low, high) => {
      const result = transfers[name].call(kernel, fd, memory, pointer, length, low, high);
      if (result >= 0) sys.push(`${name} ${high >>> HIGH_OFFSET_BITS} ${low} ${length}`);
      return result;
    };
  }
  kernel.ioctl = (fd, request, argument) => {
    const [, flags, index] = new Uint32Array(argument.bytes.slice(0, 12).buffer);
    if (request === VFIO_DEVICE_SET_IRQS && flags === IRQ_SET_UNMASK) {
      // Before the call: what the unmasked line does at once comes after it.
      sys.push(`set_irqs ${index} 0x11`);
    }
    return ioctl.call(kernel, fd, request, argument);
  };
}

/** The real core on the simulated kernel, dressed as the machine of the golden traces. */
export class GoldenCore implements MachineUnderTest {
  readonly #machine: DirectMachine<MemoryDevice>;
  readonly #sys: string[];

  private constructor(machine: DirectMachine<MemoryDevice>, sys: string[]) {
    this.#machine = machine;
    this.#sys = sys;
    machine.placed.onIrq((line, event) => {
      if (event === 'signal') sys.push(`hw ${line} signal`);
      if (event === 'blocked') sys.push(`hw ${line} masked`);
    });
  }

  /** @param options differ from those of the recording only to show that it matters */
  static async open(
    golden: Pick<GoldenTrace, 'irqs' | 'mmap_timeout_ms'>,
    splits: Splitting = 'device',
    options: DeviceOptions = {},
  ): Promise<GoldenCore> {
    const sys: string[] = [];
    const machine = await DirectMachine.open({
      model: new MemoryDevice({
        regions: [{ size: GOLDEN_REGION_BYTES }],
        lines: [...golden.irqs].map((letter) => (letter === 'L' ? 'level' : 'edge')),
      }),
      device: {
        policy: 'qemu',
        mmapTimeoutMs: golden.mmap_timeout_ms,
        trace: true,
        memoryBytes: 1 << 20,
        ...options,
      },
      splits,
      prepare: (host) => recordCalls(host, sys),
    });
    const core = new GoldenCore(machine, sys);
    core.#take();
    return core;
  }

  fire(line: number): StepResult {
    return this.#step(() => this.#machine.placed.pulse(line));
  }

  high(line: number): StepResult {
    return this.#step(() => this.#machine.placed.setLine(line, true));
  }

  low(line: number): StepResult {
    return this.#step(() => this.#machine.placed.setLine(line, false));
  }

  read(offset: number, size: number): StepResult {
    return this.#step(() => this.#machine.read(0, offset, size));
  }

  write(offset: number, size: number): StepResult {
    return this.#step(() => this.#machine.write(0, offset, size, 0n));
  }

  failRead(offset: number, size: number): StepResult {
    return this.#failing('pread', () => this.#machine.read(0, offset, size));
  }

  failWrite(offset: number, size: number): StepResult {
    return this.#failing('pwrite', () => this.#machine.write(0, offset, size, 0n));
  }

  run(): StepResult {
    return this.#step(() => this.#machine.clock.advance(RUN_MS * NS_PER_MS));
  }

  close(): void {
    this.#machine.device.close();
  }

  #failing(call: 'pread' | 'pwrite', access: () => unknown): StepResult {
    const fault = this.#machine.placed.faults.inject({ call, errno: EIO, times: Infinity });
    const result = this.#step(access);
    fault.remove();
    return result;
  }

  #step(stimulus: () => unknown): StepResult {
    stimulus();
    // QEMU's main loop comes round once the event is over.
    this.#machine.safePoint();
    return this.#take();
  }

  #take(): StepResult {
    const trace = this.#machine.events.splice(0).flatMap((event) => {
      if (event.type !== 'trace') return [];
      const word = WORDS[event.trace.name]?.(event.trace.values);
      return word === undefined ? [] : [word];
    });
    return { trace, irq: this.#machine.lines.take(), sys: this.#sys.splice(0) };
  }
}
