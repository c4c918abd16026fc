import type { ResolvedOptions } from '../options/options';
import type { Kernel, Sysfs } from './kernel';

/** Gets between a host and each device that is opened on it; made by record() and replayHost(). */
export interface BoundaryTap {
  /**
   * @param options those of the device that is about to be opened
   * @returns a DeviceTap (tap.ts), which is not public
   */
  tap(options: ResolvedOptions): object;
}

/**
 * Where devices come from: the real kernel, a simulated one or a recording.
 * The same core runs on each of them.
 */
export interface VfioHost {
  readonly kernel: Kernel;
  readonly sysfs: Sysfs;
  /** Gets between this host and the devices that are opened on it: recording, replay. */
  readonly tap?: BoundaryTap;
}

/** What the host needs to know to open the nodes of one device. */
export interface DeviceLocation {
  /** Name on its bus. */
  readonly name: string;
  /** Real path in sysfs, '' for a descriptor that was opened beforehand. */
  readonly path: string;
  /** Compatible strings of its device-tree node, most specific first. */
  readonly compatible: readonly string[];
  /** Number of the IOMMU group, undefined where that is not known. */
  readonly group: number | undefined;
  /** Path of the group's node. */
  readonly groupPath: string | undefined;
  /** The group has no IOMMU. */
  readonly noiommu: boolean;
  /** Path of the device's own node (cdev). */
  readonly cdevPath: string | undefined;
  /** 'major:minor' that this node must have. */
  readonly cdevNumber?: string | undefined;
  /** A descriptor of the device's own node, opened beforehand. */
  readonly fd: number | undefined;
}
