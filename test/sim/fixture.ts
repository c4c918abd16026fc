import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOC_OUT_ID,
  IOMMU_IOAS_ALLOC_SIZE,
} from '../../assembly/abi/iommufd';
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_RDWR } from '../../assembly/abi/linux';
import {
  VFIO_ATTACH_IOMMUFD_PT_ID,
  VFIO_ATTACH_IOMMUFD_PT_SIZE,
  VFIO_BIND_IOMMUFD_FD,
  VFIO_BIND_IOMMUFD_OUT_DEVID,
  VFIO_BIND_IOMMUFD_SIZE,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_COUNT,
  VFIO_IRQ_SET_DATA,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_FLAGS,
  VFIO_IRQ_SET_INDEX,
  VFIO_IRQ_SET_SIZE,
  VFIO_IRQ_SET_START,
  VFIO_SET_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../assembly/abi/vfio';
import type { Doorbell, IoctlArgument, Kernel, KernelResources } from '../../host/boundary/kernel';
import type {
  DeviceModel,
  ModelEnvironment,
  ModelIrq,
  ModelRegion,
  ModelWidth,
} from '../../host/sim/models/model';
import {
  type DeviceHandle,
  type SimulatedDeviceOptions,
  SimulatedHost,
  type SimulatedHostOptions,
} from '../../host/sim/simulated-host';

export const NOTHING_OPEN: KernelResources = {
  fds: 0,
  eventfds: 0,
  mappings: 0,
  dmaMappings: 0,
  watches: 0,
};

/** One 32-bit or, as bigint, 64-bit field. */
export type Field = readonly [offset: number, value: number | bigint];

/** A struct of `length` bytes with its argsz (the first word) and some fields filled in. */
export function struct(
  length: number,
  fields: readonly Field[] = [],
  argsz = length,
): IoctlArgument {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  if (length >= 4) view.setUint32(0, argsz, true);
  for (const [offset, value] of fields) {
    if (typeof value === 'bigint') view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    else view.setUint32(offset, value, true);
  }
  return { value: 0, bytes, view, length };
}

/** An integer argument. */
export function integer(value: number): IoctlArgument {
  const bytes = new Uint8Array(0);
  return { value, bytes, view: new DataView(bytes.buffer), length: 0 };
}

/** A NUL-terminated string argument. */
export function text(value: string): IoctlArgument {
  const bytes = new TextEncoder().encode(`${value}\0`);
  return { value: 0, bytes, view: new DataView(bytes.buffer), length: bytes.length };
}

export function u32(argument: IoctlArgument, offset: number): number {
  return argument.view.getUint32(offset, true);
}

export function u64(argument: IoctlArgument, offset: number): bigint {
  return argument.view.getBigUint64(offset, true);
}

/** What {@link irqSet} can change. */
export interface IrqSetFields {
  readonly flags: number;
  readonly index?: number;
  readonly start?: number;
  readonly count?: number;
  readonly data?: readonly number[];
  readonly argsz?: number;
  readonly length?: number;
}

export function irqSet(fields: IrqSetFields): IoctlArgument {
  const data = fields.data ?? [];
  const length = fields.length ?? VFIO_IRQ_SET_SIZE + data.length;
  const argument = struct(
    length,
    length < VFIO_IRQ_SET_SIZE
      ? []
      : [
          [VFIO_IRQ_SET_FLAGS, fields.flags],
          [VFIO_IRQ_SET_INDEX, fields.index ?? 0],
          [VFIO_IRQ_SET_START, fields.start ?? 0],
          [VFIO_IRQ_SET_COUNT, fields.count ?? 1],
        ],
    fields.argsz ?? length,
  );
  if (data.length > 0) argument.bytes.set(data, VFIO_IRQ_SET_DATA);
  return argument;
}

function setEventfd(kernel: Kernel, device: number, action: number, index: number, fd: number) {
  const flags = VFIO_IRQ_SET_DATA_EVENTFD | action;
  const data = [fd, fd >> 8, fd >> 16, fd >> 24];
  return kernel.ioctl(device, VFIO_DEVICE_SET_IRQS, irqSet({ flags, index, data }));
}

function setNone(kernel: Kernel, device: number, action: number, index: number, count = 1) {
  const flags = VFIO_IRQ_SET_DATA_NONE | action;
  return kernel.ioctl(device, VFIO_DEVICE_SET_IRQS, irqSet({ flags, index, count }));
}

export const arm = (kernel: Kernel, device: number, index: number, fd: number) =>
  setEventfd(kernel, device, VFIO_IRQ_SET_ACTION_TRIGGER, index, fd);
export const setMaskFd = (kernel: Kernel, device: number, index: number, fd: number) =>
  setEventfd(kernel, device, VFIO_IRQ_SET_ACTION_MASK, index, fd);
export const setUnmaskFd = (kernel: Kernel, device: number, index: number, fd: number) =>
  setEventfd(kernel, device, VFIO_IRQ_SET_ACTION_UNMASK, index, fd);
export const disarm = (kernel: Kernel, device: number, index: number) =>
  setNone(kernel, device, VFIO_IRQ_SET_ACTION_TRIGGER, index, 0);
export const loopBack = (kernel: Kernel, device: number, index: number) =>
  setNone(kernel, device, VFIO_IRQ_SET_ACTION_TRIGGER, index);
export const mask = (kernel: Kernel, device: number, index: number) =>
  setNone(kernel, device, VFIO_IRQ_SET_ACTION_MASK, index);
export const unmask = (kernel: Kernel, device: number, index: number) =>
  setNone(kernel, device, VFIO_IRQ_SET_ACTION_UNMASK, index);

/** What a {@link ProbeModel} is made of. */
export interface ProbeOptions {
  readonly regions?: readonly ModelRegion[];
  readonly irqs?: readonly ModelIrq[];
  readonly resettable?: boolean;
  readonly compatible?: readonly string[];
}

/** A device that records every access and reads back a pattern of its own offsets. */
export class ProbeModel implements DeviceModel {
  readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[];
  readonly resettable: boolean;
  /** 'r0+4@8' is a read of region 0, 4 bytes at 8; writes have '=value' at the end. */
  readonly log: string[] = [];
  environment: ModelEnvironment | undefined;
  resets = 0;
  /** Runs inside every write. */
  onWrite: ((offset: number, value: number) => void) | undefined;

  constructor(options: ProbeOptions = {}) {
    this.compatible = options.compatible ?? ['test,probe'];
    this.regions = options.regions ?? [{ size: 0x1000 }];
    this.irqs = options.irqs ?? [{ trigger: 'level' }, { trigger: 'edge' }];
    this.resettable = options.resettable ?? false;
  }

  connect(environment: ModelEnvironment): void {
    this.environment = environment;
  }

  read(region: number, offset: number, width: ModelWidth): number {
    this.log.push(`r${region}+${width}@${offset}`);
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) value = value * 256 + ((offset + lane) & 0xff);
    return value;
  }

  write(region: number, offset: number, width: ModelWidth, value: number): void {
    this.log.push(`w${region}+${width}@${offset}=${value.toString(16)}`);
    this.onWrite?.(offset, value);
  }

  reset(): void {
    this.resets++;
    this.irqs.forEach((_, line) => {
      this.environment?.setLine(line, false);
    });
  }

  /** Gives the log so far and starts a new one. */
  takeLog(): string[] {
    return this.log.splice(0);
  }
}

/** Plain memory that can be mapped for real. */
export function memoryRegion(size: number): ModelRegion & { memory: Uint8Array } {
  return {
    size,
    memory: new Uint8Array(size),
    moveMemory(bytes) {
      this.memory = bytes;
    },
  } as ModelRegion & { memory: Uint8Array };
}

/** A doorbell that keeps what it hears. */
export class RecordingDoorbell implements Doorbell {
  readonly rings: [line: number, count: number][] = [];

  ring(line: number, count: number): void {
    this.rings.push([line, count]);
  }

  take(): [line: number, count: number][] {
    return this.rings.splice(0);
  }
}

/** A host with one probe device. */
export interface Bench {
  readonly host: SimulatedHost;
  readonly kernel: SimulatedHost['kernel'];
  readonly model: ProbeModel;
  readonly device: DeviceHandle<ProbeModel>;
}

export function bench(
  probe: ProbeOptions = {},
  device: Partial<SimulatedDeviceOptions> = {},
  options: SimulatedHostOptions = {},
): Bench {
  const host = new SimulatedHost(options);
  const model = new ProbeModel(probe);
  const handle = host.addDevice({ name: 'probe', ...device, model });
  return { host, kernel: host.kernel, model, device: handle };
}

export function openPath(kernel: Kernel, path: string): number {
  return kernel.open(path, O_RDWR | O_CLOEXEC);
}

export function newEventfd(kernel: Kernel, initial = 0): number {
  return kernel.eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC);
}

/** The counter read from an eventfd, or −errno. */
export function readEventfd(kernel: Kernel, fd: number): number {
  const bytes = new Uint8Array(8);
  const result = kernel.read(fd, bytes, 0, 8);
  return result < 0 ? result : Number(new DataView(bytes.buffer).getBigUint64(0, true));
}

export function writeEventfd(kernel: Kernel, fd: number, value: bigint): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return kernel.write(fd, bytes, 0, 8);
}

export const setContainer = (kernel: Kernel, group: number, container: number) =>
  kernel.ioctl(group, VFIO_GROUP_SET_CONTAINER, struct(4, [], container));
export const getDeviceFd = (kernel: Kernel, group: number, name = 'probe') =>
  kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, text(name));

/** Descriptors of a device that was opened through its group. */
export interface GroupFds {
  readonly container: number;
  readonly group: number;
  readonly fd: number;
}

export function openThroughGroup(
  kernel: Kernel,
  device: DeviceHandle,
  type = VFIO_TYPE1V2_IOMMU,
): GroupFds {
  const container = openPath(kernel, '/dev/vfio/vfio');
  const group = openPath(kernel, device.groupPath ?? '');
  const joined = setContainer(kernel, group, container);
  const set = kernel.ioctl(container, VFIO_SET_IOMMU, integer(type));
  const fd = getDeviceFd(kernel, group, device.name);
  if (joined < 0 || set < 0 || fd < 0) throw new Error(`opening failed: ${joined} ${set} ${fd}`);
  return { container, group, fd };
}

/** Descriptors and ids of a device that was opened through its cdev. */
export interface CdevFds {
  readonly fd: number;
  readonly iommufd: number;
  readonly deviceId: number;
  readonly ioas: number;
}

export const bind = (kernel: Kernel, fd: number, iommufd: number) =>
  kernel.ioctl(
    fd,
    VFIO_DEVICE_BIND_IOMMUFD,
    struct(VFIO_BIND_IOMMUFD_SIZE, [[VFIO_BIND_IOMMUFD_FD, iommufd]]),
  );
export const attach = (kernel: Kernel, fd: number, id: number) =>
  kernel.ioctl(
    fd,
    VFIO_DEVICE_ATTACH_IOMMUFD_PT,
    struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [[VFIO_ATTACH_IOMMUFD_PT_ID, id]]),
  );

export function newIoas(kernel: Kernel, iommufd: number): number {
  const argument = struct(IOMMU_IOAS_ALLOC_SIZE);
  const result = kernel.ioctl(iommufd, IOMMU_IOAS_ALLOC, argument);
  return result < 0 ? result : u32(argument, IOMMU_IOAS_ALLOC_OUT_ID);
}

export function openThroughCdev(kernel: Kernel, device: DeviceHandle): CdevFds {
  const fd = openPath(kernel, device.cdevPath ?? '');
  const iommufd = openPath(kernel, '/dev/iommu');
  const argument = struct(VFIO_BIND_IOMMUFD_SIZE, [[VFIO_BIND_IOMMUFD_FD, iommufd]]);
  const bound = kernel.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, argument);
  const ioas = newIoas(kernel, iommufd);
  const attached = attach(kernel, fd, ioas);
  if (bound < 0 || attached < 0) throw new Error(`opening failed: ${bound} ${attached}`);
  return { fd, iommufd, ioas, deviceId: u32(argument, VFIO_BIND_IOMMUFD_OUT_DEVID) };
}

export function closeAll(kernel: Kernel, ...fds: number[]): number[] {
  return fds.map((fd) => kernel.close(fd));
}
