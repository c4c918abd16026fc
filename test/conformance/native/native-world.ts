import { closeSync, openSync } from 'node:fs';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../../assembly/abi/linux';
import { NativeHost } from '../../../host/native';
import { VirtualClock } from '../../../host/time/virtual-clock';
import { type PlayedCounters, PlayedKernel, type PlayedOption } from '../../native/played-kernel';
import type { World, WorldDevice, WorldFault, WorldOptions } from '../world';

/** Milliseconds in which the addon's thread surely has run. */
const SETTLE_MS = 1;

const OPTIONS: readonly [keyof WorldOptions, PlayedOption][] = [
  ['unsafeNoiommu', 'unsafe-noiommu'],
  ['unsafeInterrupts', 'unsafe-interrupts'],
  ['iommufd', 'iommufd'],
  ['dmaEntryLimit', 'dma-entry-limit'],
];

/** What Node and the addon's thread have open before the first device. */
function baseline(host: NativeHost, played: PlayedKernel): PlayedCounters {
  const { kernel } = host;
  const fd = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  kernel.watch(fd, { ring() {} }, 0);
  kernel.unwatch(fd);
  kernel.close(fd);
  return played.counters();
}

/** The world of the native host, on the kernel that is played below it. */
export class NativeWorld implements World {
  readonly clock = new VirtualClock();
  readonly host = new NativeHost();
  readonly played = new PlayedKernel();
  readonly #before: PlayedCounters;

  constructor(options: WorldOptions = {}) {
    this.played.reset();
    for (const [key, name] of OPTIONS) {
      const value = options[key];
      if (value !== undefined) this.played.option(name, value);
    }
    this.#before = baseline(this.host, this.played);
  }

  addDevice(device: WorldDevice) {
    const { regions = [{ size: 0x1000 }], ...rest } = device;
    const { group, cdev } = this.played.addDevice({
      ...rest,
      regions: regions.map(({ size, access = 'rw', mappable = true, sparse }) => ({
        size,
        flags: { rw: 'rw', ro: 'r', wo: 'w' }[access] + (mappable ? 'm' : ''),
        ...(sparse && { sparse }),
      })),
    });
    const prefix = device.noiommu ? 'noiommu-' : '';
    return {
      groupPath: group < 0 ? undefined : `/dev/vfio/${prefix}${group}`,
      cdevPath: cdev < 0 ? undefined : `/dev/vfio/devices/vfio${cdev}`,
    };
  }

  removeDevice(name: string): void {
    this.played.removeDevice(name);
  }

  setLine(name: string, line: number, high: boolean): void {
    this.played.setLine(name, line, high);
  }

  line(name: string, line: number) {
    return this.played.line(name, line);
  }

  peek(name: string, region: number, offset: number, length: number): number[] {
    return [...this.played.peek(name, region, offset, length)];
  }

  poke(name: string, region: number, offset: number, bytes: readonly number[]): void {
    this.played.poke(name, region, offset, Uint8Array.from(bytes));
  }

  dmaRead(name: string, iova: number, length: number): number[] | undefined {
    const bytes = this.played.dmaRead(name, iova, length);
    return bytes && [...bytes];
  }

  dmaWrite(name: string, iova: number, bytes: readonly number[]): boolean {
    return this.played.dmaWrite(name, iova, Uint8Array.from(bytes));
  }

  allocGuestRam(size: number) {
    return this.host.allocGuestRam(size);
  }

  fail({ call, errno, bytes, request, flags, path, skip = 0, times = 1 }: WorldFault): void {
    let what = call === 'watch' ? 'epoll' : call;
    if (path !== undefined) what += `:${path}`;
    if (request !== undefined) what += `:${request}`;
    if (flags !== undefined) what += `:${flags}`;
    if (bytes !== undefined) this.played.cutShort(what, bytes, { nth: skip + 1, times });
    else this.played.fail(what, errno ?? 0, { nth: skip + 1, times });
  }

  failRequestIrq(name: string, line: number, errno: number): void {
    this.played.failRequestIrq(name, line, errno);
  }

  clearFaults(): void {
    this.played.clearFaults();
  }

  openNode(path: string): number {
    return openSync(path, 'r+');
  }

  closeNode(fd: number): void {
    closeSync(fd);
  }

  resources() {
    const now = this.played.counters();
    const eventfds = now.eventfds - this.#before.eventfds;
    return {
      fds: now.fds + eventfds,
      eventfds,
      mappings: now.mappings,
      dmaMappings: now.dmaMappings,
      watches: now.watches - this.#before.watches,
    };
  }

  settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }

  end(): void {
    this.played.reset();
    this.played.close();
  }
}
