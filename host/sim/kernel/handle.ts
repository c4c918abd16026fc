import type { DeviceModel } from '../models/model';
import type { PlacedDevice } from './board';
import type { DmaFault, IrqListener } from './device';
import type { DeviceFaults } from './faults';
import type { IrqLine } from './irq';

/** One interrupt line as it is now; the fields follow the device. */
export interface LineView {
  /** The wire from the device. */
  readonly high: boolean;
  /** Masked in the host: by the automask of a level line or on request. */
  readonly masked: boolean;
  /** A trigger eventfd is set. */
  readonly armed: boolean;
  /** Signals that wait in the trigger eventfd. */
  readonly pending: number;
  /** Times that a trigger eventfd was signalled since the device was added. */
  readonly signals: number;
  /** An unmask (resample) eventfd is set. */
  readonly resampled: boolean;
}

/** A device of the simulation, for tests to observe and to steer from the hardware's side. */
export class DeviceHandle<M extends DeviceModel = DeviceModel> {
  readonly name: string;
  readonly model: M;
  /** '/sys/bus/<bus>/devices/<name>'. */
  readonly busPath: string;
  /** The real path of the device in sysfs. */
  readonly sysfsPath: string;
  /** IOMMU group, when the device has one. */
  readonly groupId: number | undefined;
  /** '/dev/vfio/<id>' or '/dev/vfio/noiommu-<id>', when the device has a group. */
  readonly groupPath: string | undefined;
  /** '/dev/vfio/devices/vfio<n>', when the device has a cdev. */
  readonly cdevPath: string | undefined;
  /** Fault injection for calls on this device. */
  readonly faults: DeviceFaults;
  readonly #placed: PlacedDevice;

  /** @internal use SimulatedHost.addDevice */
  constructor(placed: PlacedDevice, model: M) {
    this.#placed = placed;
    this.name = placed.device.name;
    this.model = model;
    this.busPath = placed.busPath;
    this.sysfsPath = placed.sysfsPath;
    this.groupId = placed.groupId;
    this.groupPath = placed.groupPath;
    this.cdevPath = placed.cdevPath;
    this.faults = placed.device.faults;
  }

  /** Users that have the device open. */
  get openCount(): number {
    return this.#placed.device.openCount;
  }

  /** DMA accesses that were stopped, oldest first; the last 1024 are kept. */
  get dmaFaults(): readonly DmaFault[] {
    return this.#placed.device.dmaFaults;
  }

  /** A live view of an interrupt line. Throws RangeError when there is none. */
  line(index: number): LineView {
    const line = this.#line(index);
    return {
      get high() {
        return line.high;
      },
      get masked() {
        return line.masked;
      },
      get armed() {
        return line.trigger !== undefined;
      },
      get pending() {
        return line.trigger?.count ?? 0;
      },
      get signals() {
        return line.signals;
      },
      get resampled() {
        return line.hasUnmaskFd;
      },
    };
  }

  /** Drives a line as the device does. An edge line fires when it goes from low to high. */
  setLine(index: number, high: boolean): void {
    this.#line(index).drive(high);
  }

  /** Raises a line and lowers it again at once. */
  pulse(index: number): void {
    this.setLine(index, true);
    this.setLine(index, false);
  }

  /**
   * Calls `listener` for what the kernel does with interrupts.
   * @returns ends that; idempotent
   */
  onIrq(listener: IrqListener): () => void {
    const { irqListeners } = this.#placed.device;
    irqListeners.add(listener);
    return () => irqListeners.delete(listener);
  }

  /**
   * The host unbinds and removes the device: nobody can open it any more. As in
   * Linux that waits for the last user, whose descriptors work on.
   * @returns whether it is gone now
   */
  unplug(): boolean {
    return this.#placed.unplug();
  }

  #line(index: number): IrqLine {
    const line = this.#placed.device.lines[index];
    if (line === undefined) throw new RangeError(`${this.name} has no line ${index}`);
    return line;
  }
}
