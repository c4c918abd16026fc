import type { VfioHost } from '../boundary/host';
import type { VfioPlatformDevice } from '../device/device';
import type { DeviceListener } from '../device/events';
import { openDevice } from '../device/open';
import { VfioError } from '../errors';
import type { DeviceOptions } from '../options/options';
import type { Machine, MmioHandler } from './contract';
import { widthProblems } from './widths';

/** Where a device goes in a machine. */
export interface Wiring {
  /** Guest physical base address of each region that the guest shall see, by region index. */
  readonly regions: Readonly<Record<number, number>>;
  /** Input of the interrupt controller for each line that the guest shall see, by line index. */
  readonly lines: Readonly<Record<number, number>>;
  /** Called for every event of the device, from the very first. */
  readonly listener?: DeviceListener;
  /** Descriptor of the machine's KVM virtual machine; lines then go to its irqchip. */
  readonly vmFd?: number;
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
}

/** A device in a machine. */
export interface PluggedDevice {
  readonly device: VfioPlatformDevice;
  /** Takes the device out of the machine and closes it. Idempotent. */
  unplug(): void;
}

/** Undoes in reverse order, all of it, also when a part throws. */
function undo(steps: (() => void)[]): void {
  const failures: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    try {
      step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** `region` of the device as a machine's MMIO handler. */
function handlerOf(device: VfioPlatformDevice, region: number): MmioHandler {
  return {
    read(offset: number, width: number): number {
      const value = device.read(region, offset, width);
      // A level line that is still high after its EOI has signalled again.
      if (device.signalsWaiting) device.safePoint();
      return value;
    },
    write(offset: number, width: number, value: number): void {
      device.write(region, offset, width, value);
      if (device.signalsWaiting) device.safePoint();
    },
    write64(offset: number, value: bigint): void {
      device.write64(region, offset, value);
      if (device.signalsWaiting) device.safePoint();
    },
  };
}

/** Calls the adapter; what it refuses becomes an error that names the device and the step. */
function ask<T>(device: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VfioError('MACHINE', `${device}: the machine cannot ${what}: ${reason}`, {
      device,
      cause: error,
    });
  }
}

/** Where a machine cannot report EOIs, a line that waits for one would be its last. */
function checkEoi(device: VfioPlatformDevice, machine: Machine, wiring: Wiring): void {
  if (machine.onEoi || device.options.policy === 'qemu') return;
  for (const line of Object.keys(wiring.lines)) {
    if (device.lines[Number(line)]?.eoi !== 'irqchip') continue;
    throw new VfioError(
      'MACHINE',
      `${device.name}: line ${line} has EOI source 'irqchip', but ${machine.name} does not report EOIs; ` +
        "choose 'register', 'write' or 'access'",
      { device: device.name },
    );
  }
}

function mapRegion(
  device: VfioPlatformDevice,
  machine: Machine,
  index: number,
  base: number,
  handler: MmioHandler,
): () => void {
  const region = device.regions[index];
  if (region === undefined || region.size === 0n) {
    throw new VfioError(
      'NO_SUCH_REGION',
      `${device.name}: cannot map region ${index}, the device has ${device.regions.length} regions`,
      { device: device.name },
    );
  }
  const what = `map region ${index} (${region.size} bytes) at 0x${base.toString(16)}`;
  return ask(device.name, what, () => machine.mapMmio(base, Number(region.size), handler));
}

function connectLines(device: VfioPlatformDevice, machine: Machine, wiring: Wiring): void {
  for (const [line, input] of Object.entries(wiring.lines)) {
    const target = ask(device.name, `give line ${line} its input ${input}`, () =>
      machine.line(input),
    );
    device.connectLine(Number(line), target, wiring.vmFd === undefined ? undefined : input);
  }
}

/**
 * Opens a device and plugs it into a machine: its regions appear in the
 * guest's memory, its lines at the interrupt controller.
 *
 * @throws VfioError; nothing stays open or mapped then
 */
export async function plug(
  host: VfioHost,
  options: DeviceOptions,
  machine: Machine,
  wiring: Wiring,
): Promise<PluggedDevice> {
  const { capabilities } = machine;
  const handlers: MmioHandler[] = [];
  const device = await openDevice(host, options, {
    clock: machine.clock,
    guestRam: machine.guestRam,
    machine,
    ...(capabilities.directMapping && {
      setDirectMapping: (on: boolean) => {
        for (const handler of handlers) machine.setDirectMapping?.(handler, on);
      },
    }),
    ...(wiring.listener && { listener: wiring.listener }),
    ...(wiring.vmFd !== undefined && { vmFd: wiring.vmFd }),
    ...(wiring.core && { core: wiring.core }),
  });
  const steps: (() => void)[] = [() => device.close()];
  try {
    checkEoi(device, machine, wiring);
    for (const problem of widthProblems(machine, device.options.accessWidths)) {
      wiring.listener?.({ type: 'warning', message: `${device.name}: ${problem}` });
    }
    for (const [index, base] of Object.entries(wiring.regions)) {
      const handler = handlerOf(device, Number(index));
      steps.push(mapRegion(device, machine, Number(index), base, handler));
      handlers.push(handler);
    }
    // Before the lines: one that is high already signals when it is armed.
    device.onSignal = () => machine.wake();
    connectLines(device, machine, wiring);
    steps.push(machine.onSafePoint(() => device.safePoint()));
    if (machine.onReset) steps.push(machine.onReset(() => device.reset()));
    if (machine.keepInState) {
      const part = {
        save: () => device.snapshot(),
        restore: (state: Uint8Array | undefined) =>
          state ? device.restore(state) : device.reset(),
      };
      const keep = machine.keepInState.bind(machine);
      steps.push(ask(device.name, 'keep it in its state', () => keep(device.name, part)));
    }
    if (machine.onEoi) {
      const lineOf = new Map(
        Object.entries(wiring.lines).map(([line, input]) => [input, Number(line)]),
      );
      steps.push(
        machine.onEoi((input) => {
          const line = lineOf.get(input);
          if (line !== undefined) device.completeLine(line);
        }),
      );
    }
  } catch (error) {
    undo(steps);
    throw error;
  }
  return { device, unplug: () => undo(steps) };
}
