import { afterEach, expect } from 'vitest';
import type { VfioHost } from '../../../host/boundary/host';
import type { Kernel } from '../../../host/boundary/kernel';
import { requestTable } from '../../../host/boundary/request-table';
import type { VfioPlatformDevice } from '../../../host/device/device';
import type { DeviceEvent } from '../../../host/device/events';
import { type DeviceEnvironment, openDevice } from '../../../host/device/open';
import type { DeviceOptions } from '../../../host/options/options';
import type { DeviceModel } from '../../../host/sim/models/model';
import {
  type DeviceHandle,
  SimulatedHost,
  type SimulatedHostOptions,
} from '../../../host/sim/simulated-host';
import { VirtualClock } from '../../../host/time/virtual-clock';
import { LineLog } from '../../support/board';
import { coreModule } from '../../support/core';

export { refusal, refused } from '../../support/refusals';

export const NS_PER_MS = 1e6;

/** Enough for the state and a few windows; opening often is then cheap. */
export const SMALL_MEMORY = 0x200000;

const NOTHING_OPEN = { fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 };

const rigs: Rig[] = [];

// Whatever a test does, nothing of the kernel may stay behind.
afterEach(() => {
  const used = rigs.splice(0);
  for (const rig of used) rig.tidy();
  for (const rig of used) expect(rig.host.kernel.resources()).toEqual(NOTHING_OPEN);
});

type BoardOptions = Omit<Parameters<SimulatedHost['addDevice']>[0], 'model' | 'name'>;

/** An open device with what it did to its lines and what it told. */
export interface Opened {
  readonly device: VfioPlatformDevice;
  readonly lines: LineLog;
  readonly events: DeviceEvent[];
}

/** A simulated host whose devices are closed, and checked for leaks, after the test. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly host: SimulatedHost;
  /** The system calls that changed or asked something, in order. */
  readonly calls: string[] = [];
  /** The same kernel, noting its calls. */
  readonly logged: VfioHost;
  readonly #devices: VfioPlatformDevice[] = [];

  constructor(options: SimulatedHostOptions = {}) {
    this.host = new SimulatedHost({ ...options, clock: this.clock });
    this.logged = { kernel: logKernel(this.host.kernel, this.calls), sysfs: this.host.sysfs };
    rigs.push(this);
  }

  get resources() {
    return this.host.kernel.resources();
  }

  /** Puts a device on the board, called 'dev' unless named. */
  add<M extends DeviceModel>(model: M, options: BoardOptions = {}, name = 'dev'): DeviceHandle<M> {
    return this.host.addDevice({ name, model, ...options });
  }

  /** Opens a device, 'dev' unless the options name another; connects no line. */
  async open(
    options: DeviceOptions = {},
    environment: Partial<DeviceEnvironment> = {},
  ): Promise<Opened> {
    const events: DeviceEvent[] = [];
    const named =
      options.host === undefined && options.sysfsdev === undefined && options.fd === undefined;
    const device = await openDevice(
      this.logged,
      { ...(named && { host: 'dev' }), memoryBytes: SMALL_MEMORY, ...options },
      {
        clock: this.clock,
        core: coreModule,
        listener: (event) => events.push(event),
        ...environment,
      },
    );
    this.#devices.push(device);
    return { device, lines: new LineLog(), events };
  }

  /** Opens a device and connects all of its lines. */
  async start(
    options: DeviceOptions = {},
    environment: Partial<DeviceEnvironment> = {},
  ): Promise<Opened> {
    const opened = await this.open(options, environment);
    connectAll(opened);
    return opened;
  }

  advanceMs(milliseconds: number): void {
    this.clock.advance(milliseconds * NS_PER_MS);
  }

  /** The calls since the last take. */
  takeCalls(): string[] {
    return this.calls.splice(0);
  }

  /** Ends faults and closes what is still open. */
  tidy(): void {
    this.host.kernel.faults.clear();
    for (const device of this.#devices.splice(0)) device.close();
  }
}

export function connectAll({ device, lines }: Opened): void {
  for (const { index } of device.lines) device.connectLine(index, lines.target(index));
}

export function warnings({ events }: Opened): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

export function traces({ events }: Opened): string[] {
  return events.flatMap((event) => (event.type === 'trace' ? [event.trace.text] : []));
}

export function accessProblems({ events }: Opened): string[] {
  return events.flatMap((event) => (event.type === 'access-failed' ? [event.problem] : []));
}

function ioctlText(request: number, argument: Parameters<Kernel['ioctl']>[2]): string {
  const name = requestTable.get(request)?.name ?? `0x${request.toString(16)}`;
  const word = (offset: number) => argument.view.getUint32(offset, true);
  switch (name) {
    case 'VFIO_CHECK_EXTENSION':
    case 'VFIO_SET_IOMMU':
      return `${name} ${argument.value}`;
    case 'VFIO_DEVICE_GET_REGION_INFO':
    case 'VFIO_DEVICE_GET_IRQ_INFO':
      return `${name} ${word(8)}`;
    case 'VFIO_DEVICE_SET_IRQS':
      return `${name} 0x${word(4).toString(16)} line ${word(8)} start ${word(12)} count ${word(16)} argsz ${word(0)}`;
    default:
      return name;
  }
}

/** A kernel that notes open, close, ioctl, eventfd, mmap, watch and unwatch before it answers. */
function logKernel(kernel: Kernel, calls: string[]): Kernel {
  const paths = new Map<number, string>();
  const noting: Partial<Kernel> = {
    open(path, flags) {
      calls.push(`open ${path}`);
      const fd = kernel.open(path, flags);
      if (fd >= 0) paths.set(fd, path);
      return fd;
    },
    close(fd) {
      calls.push(`close ${paths.get(fd) ?? 'fd'}`);
      paths.delete(fd);
      return kernel.close(fd);
    },
    ioctl(fd, request, argument) {
      calls.push(ioctlText(request, argument));
      const result = kernel.ioctl(fd, request, argument);
      if (result > 0 && requestTable.get(request)?.returnsHandle) paths.set(result, 'device');
      return result;
    },
    eventfd(initial, flags) {
      calls.push('eventfd');
      const fd = kernel.eventfd(initial, flags);
      if (fd >= 0) paths.set(fd, 'eventfd');
      return fd;
    },
    mmap(...place) {
      calls.push('mmap');
      const mapping = kernel.mmap(...place);
      if (typeof mapping === 'number') return mapping;
      return {
        inMemory: mapping.inMemory,
        read: (offset, width) => mapping.read(offset, width),
        write: (offset, width, value) => mapping.write(offset, width, value),
        unmap: () => {
          calls.push('munmap');
          mapping.unmap();
        },
      };
    },
    watch(fd, doorbell, line) {
      calls.push(`watch ${line}`);
      return kernel.watch(fd, doorbell, line);
    },
    unwatch(fd) {
      calls.push('unwatch');
      return kernel.unwatch(fd);
    },
  };
  return new Proxy(kernel, {
    get(target, name) {
      const own = noting[name as keyof Kernel];
      if (own) return own;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
