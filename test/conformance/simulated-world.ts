import { O_RDWR } from '../../assembly/abi/linux';
import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import { MemoryDevice } from '../../host/sim/models/memory';
import type { DeviceModel, ModelEnvironment } from '../../host/sim/models/model';
import { type DeviceHandle, SimulatedHost } from '../../host/sim/simulated-host';
import { VirtualClock } from '../../host/time/virtual-clock';
import type { World, WorldDevice, WorldFault, WorldOptions } from './world';

/** A memory device whose DMA the test does by hand. */
class WorldModel extends MemoryDevice implements DeviceModel {
  environment: ModelEnvironment | undefined;

  override connect(environment: ModelEnvironment): void {
    super.connect(environment);
    this.environment = environment;
  }

  // The played device keeps its registers over a reset: only the wires fall.
  override reset(): void {}
}

/** The world of the simulated host. */
export class SimulatedWorld implements World {
  readonly clock = new VirtualClock();
  readonly host: SimulatedHost;
  readonly #devices = new Map<string, DeviceHandle<WorldModel>>();

  constructor(options: WorldOptions = {}) {
    this.host = new SimulatedHost({ ...options, clock: this.clock });
  }

  addDevice(device: WorldDevice) {
    const { name, regions = [{ size: 0x1000 }], lines = [], compatible = [], ...rest } = device;
    const { resettable = true, ...placing } = rest;
    const model = new WorldModel({ regions, lines, compatible, resettable });
    const handle = this.host.addDevice({ name, model, ...placing });
    this.#devices.set(name, handle);
    return { groupPath: handle.groupPath, cdevPath: handle.cdevPath };
  }

  removeDevice(name: string): void {
    this.#handle(name).unplug();
  }

  setLine(name: string, line: number, high: boolean): void {
    this.#handle(name).setLine(line, high);
  }

  line(name: string, line: number) {
    const { high, masked, armed, resampled, pending, signals } = this.#handle(name).line(line);
    return { high, masked, armed, resampled, pending, signals };
  }

  peek(name: string, region: number, offset: number, length: number): number[] {
    return [
      ...this.#handle(name)
        .model.bytes(region)
        .subarray(offset, offset + length),
    ];
  }

  poke(name: string, region: number, offset: number, bytes: readonly number[]): void {
    this.#handle(name).model.bytes(region).set(bytes, offset);
  }

  dmaRead(name: string, iova: number, length: number): number[] | undefined {
    const into = new Uint8Array(length);
    const done = this.#handle(name).model.environment?.dma.read(iova, into);
    return done ? [...into] : undefined;
  }

  dmaWrite(name: string, iova: number, bytes: readonly number[]): boolean {
    return this.#handle(name).model.environment?.dma.write(iova, Uint8Array.from(bytes)) === true;
  }

  allocGuestRam(size: number) {
    return allocGuestRam(size);
  }

  fail(fault: WorldFault): void {
    this.host.kernel.faults.inject(fault);
  }

  failRequestIrq(name: string, line: number, errno: number): void {
    this.#handle(name).faults.failRequestIrq(line, errno);
  }

  clearFaults(): void {
    this.host.kernel.faults.clear();
  }

  openNode(path: string): number {
    return this.host.kernel.open(path, O_RDWR);
  }

  closeNode(fd: number): void {
    this.host.kernel.close(fd);
  }

  resources() {
    return this.host.kernel.resources();
  }

  async settle(): Promise<void> {}

  end(): void {}

  #handle(name: string): DeviceHandle<WorldModel> {
    const handle = this.#devices.get(name);
    if (handle === undefined) throw new Error(`there is no device ${name}`);
    return handle;
  }
}
