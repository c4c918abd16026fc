import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT } from '../../../assembly/abi/linux';
import type { DeviceHandle } from '../../sim/kernel/handle';
import type { SimulatedHost } from '../../sim/simulated-host';
import type { Clock } from '../../time/clock';
import { type Bus, buses, vfioDriver } from '../devices/host-device';
import type { SysfsWriter } from '../environment';
import type { BoardDevice } from './sample-board';

interface Placed {
  readonly spec: BoardDevice;
  handle: DeviceHandle;
  driver: string | undefined;
  override: string | undefined;
}

/** How the simulated kernel was configured where drivers care. */
export interface DriverOptions {
  readonly unsafeNoiommu: boolean;
  /** The VFIO drivers are loaded. */
  readonly vfio: boolean;
  /** What a driver says to a device (0 or an errno) instead of taking it. */
  readonly refuse?: ((driver: string, device: string) => number) | undefined;
  /** Called before each write; its answer other than undefined is the result. */
  readonly beforeWrite?:
    | ((path: string, text: string) => number | 'pending' | undefined)
    | undefined;
}

/**
 * The driver core of a simulated kernel: driver_override, bind, unbind and
 * drivers_probe, with the errno of Linux (drivers/base/bus.c, dd.c).
 */
export class SimulatedDrivers implements SysfsWriter {
  readonly #devices = new Map<string, Placed>();
  /** Writes that were made, in order, as 'path=text'. */
  readonly log: string[] = [];

  constructor(
    private readonly host: SimulatedHost<Clock>,
    private readonly options: DriverOptions,
    private readonly serial: (device: string, byte: number) => void,
  ) {
    for (const bus of buses) {
      host.sysfs.addFile(`/sys/bus/${bus}/drivers_probe`, '');
      if (options.vfio) this.#addDriver(bus, vfioDriver(bus));
    }
  }

  add(spec: BoardDevice): void {
    if (spec.hostDriver !== undefined) this.#addDriver(spec.bus, spec.hostDriver);
    const vfio = spec.vfio === true && this.options.vfio;
    const driver = vfio ? vfioDriver(spec.bus) : spec.hostDriver;
    const override = vfio ? driver : undefined;
    const handle = this.#place(spec, driver, override);
    this.#devices.set(spec.name, { spec, handle, driver, override });
  }

  handle(name: string): DeviceHandle {
    return (this.#devices.get(name) as Placed).handle;
  }

  set(path: string, text: string): number {
    const result = this.#attempt(path, text);
    return result === 'pending' ? EBUSY : result;
  }

  async write(path: string, text: string): Promise<number | 'pending'> {
    // As on Linux, where the write is made by another process.
    await Promise.resolve();
    return this.#attempt(path, text);
  }

  #attempt(path: string, text: string): number | 'pending' {
    this.log.push(`${path}=${text.trim()}`);
    const told = this.options.beforeWrite?.(path, text);
    return told ?? this.#write(path, text.trim());
  }

  #write(path: string, text: string): number | 'pending' {
    if (!this.host.sysfs.exists(path)) return ENOENT;
    const override = /^\/sys\/devices\/.*\/([^/]+)\/driver_override$/.exec(path)?.[1];
    if (override !== undefined) return this.#setOverride(override, text);
    const attribute = /^\/sys\/bus\/(\w+)\/(?:drivers\/([^/]+)\/(bind|unbind)|drivers_probe)$/.exec(
      path,
    );
    const device = this.#devices.get(text);
    if (attribute === null) return EACCES;
    if (device === undefined || device.spec.bus !== attribute[1]) return ENODEV;
    const [, , driver, what] = attribute;
    if (what === 'unbind') return device.driver === driver ? this.#unbind(device) : ENODEV;
    if (driver === undefined) return this.#probe(device);
    return this.#matches(device, driver) ? this.#bind(device, driver) : ENODEV;
  }

  #setOverride(name: string, text: string): number {
    const device = this.#devices.get(name);
    if (device === undefined) return ENODEV;
    device.override = text === '' ? undefined : text;
    this.#showOverride(device.handle.sysfsPath, device.override);
    return 0;
  }

  #matches({ override, spec }: Placed, driver: string): boolean {
    return driver === (override ?? spec.hostDriver);
  }

  #probe(device: Placed): number {
    const driver = device.override ?? device.spec.hostDriver;
    if (device.driver !== undefined || driver === undefined) return 0;
    this.#bind(device, driver);
    return 0;
  }

  #bind(device: Placed, driver: string): number {
    if (device.driver !== undefined) return EBUSY;
    const refused = this.options.refuse?.(driver, device.spec.name) ?? 0;
    if (refused !== 0) return refused;
    const unsafe = device.spec.noiommu === true && !this.options.unsafeNoiommu;
    if (driver === vfioDriver(device.spec.bus) && unsafe) return EINVAL;
    this.#replace(device, driver);
    return 0;
  }

  #unbind(device: Placed): number | 'pending' {
    // The kernel would go on with it at the last close; nobody looks then.
    if (device.handle.openCount > 0) return 'pending';
    this.#replace(device, undefined);
    return 0;
  }

  #replace(device: Placed, driver: string | undefined): void {
    device.handle.unplug();
    device.driver = driver;
    device.handle = this.#place(device.spec, driver, device.override);
  }

  #place(
    spec: BoardDevice,
    driver: string | undefined,
    override: string | undefined,
  ): DeviceHandle {
    const vfio = driver === vfioDriver(spec.bus);
    const handle = this.host.addDevice({
      name: spec.name,
      bus: spec.bus,
      model: spec.model((byte) => this.serial(spec.name, byte)),
      group: spec.group,
      driverBound: vfio,
      ...(spec.noiommu && { noiommu: true }),
      ...(spec.properties && { properties: spec.properties }),
      ...(driver !== undefined && !vfio && { hostDriver: driver }),
    });
    this.#showOverride(handle.sysfsPath, override);
    const { sysfs } = this.host;
    if (spec.tty !== undefined) {
      const link = `/sys/class/tty/${spec.tty}`;
      sysfs.remove(link);
      if (driver === spec.hostDriver) {
        sysfs.addDirectory(`${handle.sysfsPath}/tty/${spec.tty}`);
        sysfs.addLink(link, `${handle.sysfsPath}/tty/${spec.tty}`);
      }
    }
    return handle;
  }

  #showOverride(path: string, override: string | undefined): void {
    this.host.sysfs.addFile(`${path}/driver_override`, `${override ?? '(null)'}\n`);
  }

  #addDriver(bus: Bus, driver: string): void {
    for (const file of ['bind', 'unbind']) {
      this.host.sysfs.addFile(`/sys/bus/${bus}/drivers/${driver}/${file}`, '');
    }
  }
}
