import type { Clock } from '../time/clock';
import { VirtualClock } from '../time/virtual-clock';
import type { DeviceOptions } from './kernel/board';
import type { FileTree } from './kernel/file-tree';
import { DeviceHandle } from './kernel/handle';
import { SimulatedKernel } from './kernel/kernel';
import type { SimulatedVm } from './kernel/kvm';
import type { KernelOptions } from './kernel/options';
import type { DeviceModel } from './models/model';
import { type Random, SeededRandom } from './random';

export type { DmaFaultReason, IovaRange } from './kernel/address-space';
export type { DeviceOptions as SimulatedDeviceOptions } from './kernel/board';
export type { DmaFault, IrqListener } from './kernel/device';
export type {
  BrokenChain,
  DeviceFaults,
  Fault,
  FaultCall,
  FaultRule,
  FaultSpan,
  Faults,
  IrqLie,
  RegionLie,
} from './kernel/faults';
export type { FileTree } from './kernel/file-tree';
export type { DeviceHandle, LineView } from './kernel/handle';
export type { IrqEvent } from './kernel/irq';
export { SimulatedKernel } from './kernel/kernel';
export type { GsiListener, SimulatedVm } from './kernel/kvm';
export type { KernelOptions } from './kernel/options';

/** Options of {@link SimulatedHost}: those of the kernel, and time and chance. */
export interface SimulatedHostOptions<C extends Clock = VirtualClock> extends KernelOptions {
  /** Time for the device models; a new VirtualClock unless given. */
  readonly clock?: C;
  /** Seed of the random numbers that device models get; any integer, 1 unless given. */
  readonly seed?: number;
}

/**
 * A host computer with a Linux kernel and devices behind VFIO, all simulated
 * and deterministic: the same calls give the same answers.
 */
export class SimulatedHost<C extends Clock = VirtualClock> {
  readonly kernel: SimulatedKernel;
  /** /sys and /dev, for reading; tests may also add to it. */
  readonly sysfs: FileTree;
  readonly clock: C;
  readonly random: Random;

  constructor(options: SimulatedHostOptions<C> = {}) {
    const { clock, seed = 1, ...kernelOptions } = options;
    this.kernel = new SimulatedKernel(kernelOptions);
    this.sysfs = this.kernel.sysfs;
    // The default of C says that without a clock it is the virtual one.
    this.clock = clock ?? (new VirtualClock() as Clock as C);
    this.random = new SeededRandom(seed);
  }

  /** Puts a device on the board. Throws when the options contradict each other or the board. */
  addDevice<M extends DeviceModel>(options: DeviceOptions<M>): DeviceHandle<M> {
    const placed = this.kernel.board.place(options);
    placed.device.connect(this.clock, this.random);
    return new DeviceHandle(placed, options.model);
  }

  /** Makes a KVM VM with an irqchip; see {@link SimulatedKernel.createVm}. */
  createVm(options: { readonly irqchip?: boolean } = {}): SimulatedVm {
    return this.kernel.createVm(options);
  }
}
