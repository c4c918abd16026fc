import { EINVAL } from '../../../assembly/abi/linux';
import { VFIO_DEVICE_FLAGS_AMBA, VFIO_DEVICE_FLAGS_PLATFORM } from '../../../assembly/abi/vfio';
import type { Clock } from '../../time/clock';
import type { DeviceModel, ModelEnvironment } from '../models/model';
import type { Random } from '../random';
import type { AddressSpace, DmaFaultReason } from './address-space';
import type { KernelContext } from './context';
import { DeviceFaults } from './faults';
import type { VfioGroup } from './group';
import { type IrqEvent, IrqLine } from './irq';
import { DeviceRegion } from './region';

/** A DMA access that the IOMMU stopped. */
export interface DmaFault {
  readonly iova: number;
  /** Bytes of the whole access. */
  readonly length: number;
  /** 'read' is the device reading guest memory. */
  readonly direction: 'read' | 'write';
  readonly reason: DmaFaultReason;
}

export type IrqListener = (line: number, event: IrqEvent) => void;

/** The oldest records go when a device faults without end. */
const MAX_DMA_FAULTS = 1024;

/** One device on the simulated board, bound to its VFIO driver or not. */
export class SimulatedDevice {
  readonly name: string;
  readonly bus: 'platform' | 'amba';
  readonly model: DeviceModel;
  readonly group: VfioGroup | undefined;
  readonly faults = new DeviceFaults();
  readonly regions: readonly DeviceRegion[];
  readonly lines: readonly IrqLine[];
  readonly dmaFaults: DmaFault[] = [];
  readonly irqListeners = new Set<IrqListener>();
  /** The I/O address space that iommufd attached it to. */
  attachedSpace: AddressSpace | undefined;
  /** Called when the last file of the device has been closed. */
  onIdle: (() => void) | undefined;
  #files = 0;
  #openCount = 0;

  constructor(
    context: KernelContext,
    name: string,
    bus: 'platform' | 'amba',
    model: DeviceModel,
    group: VfioGroup | undefined,
  ) {
    this.name = name;
    this.bus = bus;
    this.model = model;
    this.group = group;
    this.regions = model.regions.map((region, index) => new DeviceRegion(model, index, region));
    const latchEdges = context.options.disabledEdges === 'latched';
    this.lines = model.irqs.map(
      ({ trigger }, line) =>
        new IrqLine(trigger === 'level', latchEdges, (event) => {
          for (const listener of this.irqListeners) listener(line, event);
        }),
    );
  }

  /** VFIO_DEVICE_FLAGS_* of the bus. */
  get busFlag(): number {
    return this.bus === 'amba' ? VFIO_DEVICE_FLAGS_AMBA : VFIO_DEVICE_FLAGS_PLATFORM;
  }

  /** Users that have it open now; an unbound cdev is none. */
  get openCount(): number {
    return this.#openCount;
  }

  /** Whether any file refers to it, so that it cannot be unbound. */
  get held(): boolean {
    return this.#files > 0;
  }

  /** A file of the device comes to be. */
  hold(): void {
    this.#files++;
  }

  /** A file of the device has been closed. */
  letGo(): void {
    if (--this.#files === 0) this.onIdle?.();
  }

  connect(clock: Clock, random: Random): void {
    const environment: ModelEnvironment = {
      clock,
      random,
      dma: {
        read: (iova, into) => this.#transfer(iova, into, true),
        write: (iova, from) => this.#transfer(iova, from, false),
      },
      setLine: (line, high) => this.lines[line]?.drive(high),
    };
    this.model.connect(environment);
  }

  /** One more user; the first one resets the device and requests its interrupts. */
  open(): void {
    if (this.#openCount++ > 0) return;
    this.lines.forEach((line, index) => {
      line.shutDown();
      line.requestError = this.faults.requestIrq(index);
    });
    if (this.model.resettable) this.model.reset();
  }

  /** One user less; the last one resets the device and frees its interrupts. */
  close(): void {
    if (--this.#openCount > 0) return;
    if (this.model.resettable) this.model.reset();
    for (const line of this.lines) line.shutDown();
  }

  /** VFIO_DEVICE_RESET. */
  reset(): number {
    if (!this.model.resettable) return -EINVAL;
    this.model.reset();
    return 0;
  }

  #transfer(iova: number, bytes: Uint8Array, toDevice: boolean): boolean {
    const space = this.attachedSpace ?? this.group?.space;
    const reason: DmaFaultReason | undefined =
      space === undefined ? 'no-address-space' : space.transfer(iova, bytes, toDevice);
    if (reason === undefined) return true;
    if (this.dmaFaults.length >= MAX_DMA_FAULTS) this.dmaFaults.shift();
    this.dmaFaults.push({
      iova,
      length: bytes.byteLength,
      direction: toDevice ? 'read' : 'write',
      reason,
    });
    return false;
  }
}
