import type { GuestRam } from '../../host/boundary/guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import type { KernelResources } from '../../host/boundary/kernel';
import type { VirtualClock } from '../../host/time/virtual-clock';

/** One region of a device that is only memory. */
export interface WorldRegion {
  readonly size: number;
  /** 'rw' unless given. */
  readonly access?: 'rw' | 'ro' | 'wo';
  /** Whole pages are unless it is false. */
  readonly mappable?: false;
  readonly sparse?: readonly { readonly offset: number; readonly size: number }[];
}

/** A device that is only memory and wires, as both kernels can have it. */
export interface WorldDevice {
  readonly name: string;
  readonly bus?: 'platform' | 'amba';
  readonly compatible?: readonly string[];
  readonly group?: number;
  readonly noiommu?: boolean;
  readonly iommu?: false;
  readonly resettable?: false;
  readonly cdev?: false;
  readonly hostDriver?: string;
  readonly regions?: readonly WorldRegion[];
  readonly lines?: readonly ('level' | 'edge')[];
}

/** How the kernel was booted; all on unless said otherwise, noiommu off. */
export interface WorldOptions {
  readonly unsafeNoiommu?: boolean;
  readonly unsafeInterrupts?: boolean;
  readonly iommufd?: boolean;
  readonly dmaEntryLimit?: number;
}

export interface WorldLine {
  readonly high: boolean;
  readonly masked: boolean;
  readonly armed: boolean;
  readonly resampled: boolean;
  readonly pending: number;
  readonly signals: number;
}

/** Calls that can be made to fail on both kernels. */
export interface WorldFault {
  readonly call: 'open' | 'close' | 'ioctl' | 'eventfd' | 'mmap' | 'pread' | 'pwrite' | 'watch';
  readonly errno?: number;
  /** Instead of failing, the transfer stops after so many bytes. */
  readonly bytes?: number;
  /** Of an ioctl. */
  readonly request?: number;
  /** Second word of an ioctl's struct. */
  readonly flags?: number;
  /** Of an open. */
  readonly path?: string;
  /** Calls that still work before it strikes; 0 unless given. */
  readonly skip?: number;
  /** How often it strikes; once unless given. */
  readonly times?: number;
}

/**
 * A host computer for the conformance stories: the simulated one, or the
 * native host on a kernel that is played below it. What the stories see of
 * either must be the same.
 */
export interface World {
  readonly host: VfioHost;
  readonly clock: VirtualClock;
  addDevice(device: WorldDevice): {
    readonly groupPath: string | undefined;
    readonly cdevPath: string | undefined;
  };
  /** The host takes the device off its bus. */
  removeDevice(name: string): void;
  setLine(name: string, line: number, high: boolean): void;
  line(name: string, line: number): WorldLine;
  /** What the device itself has in its registers. */
  peek(name: string, region: number, offset: number, length: number): number[];
  poke(name: string, region: number, offset: number, bytes: readonly number[]): void;
  /** DMA by the device; undefined when the IOMMU stops it. */
  dmaRead(name: string, iova: number, length: number): number[] | undefined;
  /** @returns false when the IOMMU stops it */
  dmaWrite(name: string, iova: number, bytes: readonly number[]): boolean;
  allocGuestRam(size: number): GuestRam;
  fail(fault: WorldFault): void;
  failRequestIrq(name: string, line: number, errno: number): void;
  clearFaults(): void;
  /** Opens a node as another part of the program would; its number is the option `fd`. */
  openNode(path: string): number;
  closeNode(fd: number): void;
  /** What this kernel has open, counted by itself. */
  resources(): KernelResources;
  /** Time for signals that are on their way to arrive. */
  settle(): Promise<void>;
  /** Takes the world down. */
  end(): void;
}

export type MakeWorld = (options?: WorldOptions) => World;
