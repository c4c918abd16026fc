import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** A region: bytes, what may be done with it (all of 'rwm' unless given), its mappable areas. */
export interface PlayedRegion {
  readonly size: number;
  /** r: readable, w: writable, m: mappable (where the size is whole pages). */
  readonly flags?: string;
  readonly sparse?: readonly { readonly offset: number; readonly size: number }[];
}

export interface PlayedDevice {
  readonly name: string;
  readonly bus?: 'platform' | 'amba';
  readonly compatible?: readonly string[];
  readonly group?: number;
  readonly noiommu?: boolean;
  /** False: no IOMMU stands behind it, and there is no group. */
  readonly iommu?: boolean;
  readonly resettable?: boolean;
  readonly cdev?: boolean;
  readonly driverBound?: boolean;
  readonly hostDriver?: string;
  readonly regions?: readonly PlayedRegion[];
  readonly lines?: readonly ('level' | 'edge')[];
}

/** What is open in this process, as the played kernel counts it. */
export interface PlayedCounters {
  /** Descriptors of groups, containers, devices and /dev/iommu. */
  readonly fds: number;
  /** Descriptors of eventfds, those of Node included. */
  readonly eventfds: number;
  readonly mappings: number;
  readonly dmaMappings: number;
  /** Eventfds that an epoll watches, those of Node included. */
  readonly watches: number;
  /** Eventfds that the kernel consumes (mask and resample). */
  readonly virqfds: number;
  /** DMA mappings whose memory was unmapped under the device. */
  readonly tornDma: number;
  /** DMA accesses that the IOMMU stopped. */
  readonly dmaFaults: number;
  /** Times that an epoll was told EPOLLHUP of a trigger. */
  readonly hangUps: number;
}

export interface PlayedLine {
  readonly high: boolean;
  readonly masked: boolean;
  readonly armed: boolean;
  /** A resample eventfd is set. */
  readonly resampled: boolean;
  /** Signals that wait in the trigger eventfd. */
  readonly pending: number;
  readonly signals: number;
}

export type PlayedOption =
  | 'unsafe-noiommu'
  | 'unsafe-interrupts'
  | 'iommufd'
  | 'pass-through'
  | 'dma-entry-limit'
  | 'memlock'
  | 'page-sizes';

const CONTROL = '/dev/vfio-play';
const ANSWER_BYTES = 1 << 19;

/**
 * Commands the kernel that test/native/preload plays in this process; see its
 * README. Every call is synchronous and has happened when it returns.
 */
export class PlayedKernel {
  readonly #control = openSync(CONTROL, 'r+');
  readonly #answer = Buffer.alloc(ANSWER_BYTES);

  /** Whether this process runs on the played kernel. */
  static get available(): boolean {
    return process.env.LD_PRELOAD?.includes('libvfioplay') === true;
  }

  /** Runs one command. @throws Error when the kernel refuses it */
  command(text: string): string {
    writeSync(this.#control, text);
    const size = readSync(this.#control, this.#answer);
    const answer = this.#answer.toString('latin1', 0, size).trimEnd();
    if (answer.startsWith('error:')) throw new Error(`${text}: ${answer}`);
    return answer;
  }

  /** Puts a device on the board; -1 where it has no group or no node of its own. */
  addDevice(device: PlayedDevice): { readonly group: number; readonly cdev: number } {
    return JSON.parse(this.command(describe(device)));
  }

  /** The host unbinds it: nobody can open it any more; what is open works on. */
  removeDevice(name: string): void {
    this.command(`remove ${name}`);
  }

  /** Surprise removal: calls answer ENODEV, registers read as ones. */
  vanish(name: string): void {
    this.command(`vanish ${name}`);
  }

  /** The bus refuses every access: SIGBUS where it is mapped, ENODEV elsewhere. */
  tear(name: string): void {
    this.command(`tear ${name}`);
  }

  /** The trigger eventfds of the device report EPOLLHUP. */
  hangUp(name: string): void {
    this.command(`hangup ${name}`);
  }

  setLine(name: string, line: number, high: boolean): void {
    this.command(`${high ? 'raise' : 'lower'} ${name} ${line}`);
  }

  pulse(name: string, line: number, times = 1): void {
    this.command(`pulse ${name} ${line} ${times}`);
  }

  line(name: string, line: number): PlayedLine {
    return JSON.parse(this.command(`line ${name} ${line}`));
  }

  /** What the device has in its registers. */
  peek(name: string, region: number, offset: number, length: number): Uint8Array {
    return Buffer.from(this.command(`peek ${name} ${region} ${offset} ${length}`), 'hex');
  }

  poke(name: string, region: number, offset: number, bytes: Uint8Array): void {
    this.command(`poke ${name} ${region} ${offset} ${Buffer.from(bytes).toString('hex')}`);
  }

  /** DMA by the device; undefined when the IOMMU stops it. */
  dmaRead(name: string, iova: number, length: number): Uint8Array | undefined {
    const answer = this.command(`dma-read ${name} ${iova} ${length}`);
    return answer === 'fault' ? undefined : Buffer.from(answer, 'hex');
  }

  /** @returns false when the IOMMU stops it */
  dmaWrite(name: string, iova: number, bytes: Uint8Array): boolean {
    const hex = Buffer.from(bytes).toString('hex');
    return this.command(`dma-write ${name} ${iova} ${hex}`) !== 'fault';
  }

  info(name: string): { readonly users: number; readonly files: number; readonly resets: number } {
    return JSON.parse(this.command(`info ${name}`));
  }

  counters(): PlayedCounters {
    return JSON.parse(this.command('counters'));
  }

  option(name: PlayedOption, value: number | boolean): void {
    this.command(`option ${name} ${Number(value)}`);
  }

  /**
   * The nth matching call from now on fails.
   * @param call open, close, ioctl, mmap, munmap, mremap, pread, pwrite, read, write, eventfd,
   *   epoll, with ':<request>', ':<request>:<flags>' or ':<path>' only those; 'any': all but
   *   read and write
   * @param times how often; 0: for ever
   */
  fail(call: string, errno: number, { nth = 1, times = 1 } = {}): void {
    this.command(`fail ${call} ${nth} ${errno} ${times}`);
  }

  /** The nth matching transfer from now on is cut to so many bytes. */
  cutShort(call: string, bytes: number, { nth = 1, times = 1 } = {}): void {
    this.command(`short ${call} ${nth} ${bytes} ${times}`);
  }

  /** request_irq of the line fails at the next first open. */
  failRequestIrq(name: string, line: number, errno: number): void {
    this.command(`request-irq ${name} ${line} ${errno}`);
  }

  /** No fault is injected any more. */
  clearFaults(): void {
    this.command('clear');
  }

  /** From now on calls on played objects are logged. */
  startLog(): void {
    this.command('log on');
  }

  /** The calls since then or since the last time: "ioctl 0x3b6b 0", "open /dev/vfio/0 0", … */
  takeLog(): readonly string[] {
    return this.command('log')
      .split('\n')
      .filter((line) => line !== '');
  }

  stopLog(): void {
    this.command('log off');
  }

  /** An empty board, no faults, default options. */
  reset(): void {
    this.command('reset');
  }

  close(): void {
    closeSync(this.#control);
  }
}

function describe(device: PlayedDevice): string {
  const words = [`device ${device.name}`];
  if (device.bus) words.push(`bus=${device.bus}`);
  if (device.compatible?.length) words.push(`compatible=${device.compatible.join(';')}`);
  if (device.group !== undefined) words.push(`group=${device.group}`);
  if (device.noiommu) words.push('noiommu');
  if (device.iommu === false) words.push('no-iommu-group');
  if (device.resettable === false) words.push('noreset');
  if (device.cdev === false) words.push('nocdev');
  if (device.driverBound === false) words.push('unbound');
  if (device.hostDriver) words.push(`hostdriver=${device.hostDriver}`);
  for (const { size, flags = 'rwm', sparse } of device.regions ?? []) {
    const areas = sparse?.map((area) => `${area.offset}+${area.size}`).join(',');
    words.push(`region=${size}:${flags}${areas ? `:${areas}` : ''}`);
  }
  for (const line of device.lines ?? []) words.push(`irq=${line}`);
  return words.join(' ');
}
