import type { Clock } from '../../time/clock';
import type { Random } from '../random';

/** Access widths that reach a model, in bytes; the simulated kernel splits wider ones. */
export type ModelWidth = 1 | 2 | 4;

/** One MMIO region of a device model. */
export interface ModelRegion {
  /** Bytes, 0 … 2^40 − 1; 0 means that the index exists but has no region. */
  readonly size: number;
  /** 'rw' unless said otherwise. */
  readonly access?: 'rw' | 'ro' | 'wo' | 'none';
  /**
   * The region is plain memory without side effects: these bytes are the
   * device's, and mapping the region really maps them. `size` bytes long.
   */
  readonly memory?: Uint8Array;
  /**
   * From now on `bytes` are the storage of `memory`, which the model must read
   * and return from then on. The simulated kernel has copied the contents; it
   * calls this when a window onto the whole region is mapped, so that guest
   * and model share the window's pages, and again when it is taken away.
   * Without it a mapped window is performed by the host, access by access.
   */
  moveMemory?(bytes: Uint8Array): void;
  /** Whether VFIO offers mmap; by default it does when the size is a multiple of 4 KiB. */
  readonly mappable?: boolean;
  /** Mappable parts, when VFIO should report a SPARSE_MMAP capability. */
  readonly sparse?: readonly { readonly offset: number; readonly size: number }[];
}

/** One interrupt line of a device model. */
export interface ModelIrq {
  /** 'level' lines are auto-masked by the kernel, 'edge' lines are not maskable. */
  readonly trigger: 'edge' | 'level';
}

/** DMA as the device sees it: I/O virtual addresses, checked by the simulated IOMMU. */
export interface ModelDma {
  /** Fills `into` from guest memory; false when any byte faults (then nothing is copied). */
  read(iova: number, into: Uint8Array): boolean;
  /** Copies `from` to guest memory; false when any byte faults or is read-only (then nothing is copied). */
  write(iova: number, from: Uint8Array): boolean;
}

/** What the simulated board gives to a model. */
export interface ModelEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly dma: ModelDma;
  /** Drives interrupt line `line`. An edge line fires when it goes from low to high. */
  setLine(line: number, high: boolean): void;
}

/**
 * A simulated peripheral. Implement it for a device of your own; see
 * pl031.ts for a small example.
 */
export interface DeviceModel {
  /** Device-tree compatible strings, most specific first; may be empty. */
  readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[];
  /** Whether VFIO_DEVICE_RESET works on this device. */
  readonly resettable: boolean;
  /** Called once, before anything else. */
  connect(environment: ModelEnvironment): void;
  /** A naturally aligned read inside a region; the result is 0 … 2^(8·width) − 1. */
  read(region: number, offset: number, width: ModelWidth): number;
  /** A naturally aligned write inside a region. */
  write(region: number, offset: number, width: ModelWidth, value: number): void;
  /** Back to the power-on state, lines low. */
  reset(): void;
}
