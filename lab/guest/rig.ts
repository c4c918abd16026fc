import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VfioPlatformDevice } from '../../host/device/device';
import { type DeviceEvent, type DeviceOptions, openDevice } from '../../host/index';
import { NativeHost } from '../../host/native/index';
import { RealClock } from './real-clock';

/** Within this nothing is on its way any more. */
const QUIET_MS = 30;
/** A busy host may keep the guest waiting. */
const PATIENCE_MS = 20_000;
/** Between two looks at a condition. */
const LONGEST_NAP_MS = 50;

/** Gives the board's devices to VFIO; a test that takes one away has to call it, too. */
export function prepareDevices(): void {
  execFileSync('prepare-devices');
}

/** Shared peripheral interrupts come after the 32 of each CPU. */
const FIRST_SPI = 32;

/**
 * Interrupts of a device that the kernel has handled since the machine was
 * started (/proc/interrupts; by the interrupt's number, because vfio-amba names
 * it after the peripheral id, which two devices may share).
 */
function kernelInterrupts(device: string): number {
  const bus = existsSync(`/sys/bus/amba/devices/${device}`) ? 'amba' : 'platform';
  const cells = readFileSync(`/sys/bus/${bus}/devices/${device}/of_node/interrupts`);
  const number = cells.readUInt32BE(4) + FIRST_SPI;
  const line = new RegExp(`^ *\\d+: +(\\d+) +GIC-0 +${number} .*vfio`, 'm');
  return Number(line.exec(readFileSync('/proc/interrupts', 'utf8'))?.[1] ?? 0);
}

/** Counts what a virtual line does, and runs the guest's handler when it goes up. */
export class GuestLine {
  ups = 0;
  downs = 0;
  high = false;
  /** The interrupt handler; it may access the device. */
  handler: (() => void) | undefined;

  up(): void {
    this.ups++;
    this.high = true;
    this.handler?.();
  }

  down(): void {
    this.downs++;
    this.high = false;
  }
}

/** Rigs that are open. */
const rigs = new Set<Rig>();

// A test that failed must not keep its devices from the next one.
afterEach(() => {
  for (const rig of rigs) rig.close();
});

/** A device of the board that is open through the package, as a machine would have it. */
export class Rig {
  readonly lines: readonly GuestLine[];
  readonly events: DeviceEvent[] = [];

  readonly #before: number;

  private constructor(
    readonly name: string,
    readonly device: VfioPlatformDevice,
    readonly host: NativeHost,
    events: DeviceEvent[],
  ) {
    this.events = events;
    rigs.add(this);
    this.#before = kernelInterrupts(name);
    this.lines = device.lines.map(() => new GuestLine());
    for (const [index, line] of this.lines.entries()) device.connectLine(index, line);
    device.onSignal = () => {
      if (!device.closed) device.safePoint();
    };
    // One that was high when it was armed may have signalled already.
    device.safePoint();
  }

  /** @param hush makes the device quiet before its lines are armed */
  static async open(
    name: string,
    options: DeviceOptions = {},
    hush: (device: VfioPlatformDevice) => void = () => {},
  ): Promise<Rig> {
    const host = new NativeHost();
    const events: DeviceEvent[] = [];
    const environment = {
      clock: new RealClock(),
      listener: (event: DeviceEvent) => events.push(event),
    };
    const device = await openDevice(host, { host: name, noiommu: true, ...options }, environment);
    host.keepAlive(true);
    hush(device);
    return new Rig(name, device, host, events);
  }

  get line(): GuestLine {
    return this.lines[0] as GuestLine;
  }

  /** What the core counted on the line. */
  get counted() {
    const line = this.device.lines[0];
    if (line === undefined) throw new Error(`${this.name} has no line`);
    return line.statistics;
  }

  /** Interrupts that the kernel has handled since this rig was opened. */
  get handledByKernel(): number {
    return kernelInterrupts(this.name) - this.#before;
  }

  read(offset: number, width = 4): number {
    return this.device.read(0, offset, width);
  }

  write(offset: number, value: number, width = 4): void {
    this.device.write(0, offset, width, value);
  }

  /** Waits until the condition holds; throws when it does not come to that. */
  async until(what: string, condition: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const start = performance.now();
    while (!condition()) {
      const waited = performance.now() - start;
      if (waited > patienceMs) throw new Error(`${this.name}: no ${what} within ${patienceMs} ms`);
      // A look costs the emulated CPU as much as a few interrupts.
      await sleep(Math.min(1 + waited / 20, LONGEST_NAP_MS));
    }
  }

  /** Waits for the next interrupt at the guest's side. */
  async interrupt(): Promise<void> {
    const { ups } = this.line;
    await this.until('interrupt', () => this.line.ups > ups);
  }

  /** Lets what is on its way arrive. */
  async quiet(): Promise<void> {
    await sleep(QUIET_MS);
  }

  /** Idempotent. */
  close(): void {
    rigs.delete(this);
    this.device.close();
    if (rigs.size === 0) this.host.keepAlive(false);
  }
}
