import type { DeviceProfile, EoiRule } from '../profiles/profile';

/** How the guest's completion of an interrupt is noticed (spec S7). */
export type EoiSource = 'irqchip' | 'register' | 'write' | 'access';

export interface EoiOptions {
  /** For lines without a rule or a source of their own; 'access' unless given. */
  readonly default?: 'irqchip' | 'write' | 'access';
  /** Sources of single lines, by VFIO IRQ index. */
  readonly lines?: Readonly<Record<number, EoiSource>>;
  /** Register rules, in addition to those of the device's profile. */
  readonly rules?: readonly EoiRule[];
}

/**
 * Options of a device. The first ones are QEMU's, with QEMU's defaults; each
 * name is also accepted as QEMU writes it ('x-no-mmap').
 */
export interface DeviceOptions {
  /** Name of the device on the platform (or AMBA) bus. */
  readonly host?: string;
  /** Its path in sysfs; wins over `host`. */
  readonly sysfsdev?: string;
  /**
   * Descriptor of its VFIO node (cdev), opened beforehand; wins over both. The
   * device takes it over: it is closed with the device, and when attaching or
   * opening fails; an error in the options leaves it open.
   */
  readonly fd?: number;
  /** Never map a region: every access goes through pread and pwrite. false. */
  readonly xNoMmap?: boolean;
  /**
   * Milliseconds of machine time after an interrupt until the direct mapping
   * comes back, 1 … 2^32 − 1; 0 or 'never': it never does; 'on-idle': as soon
   * as nothing is outstanding. Only matters on a machine that really maps the
   * device. 1100.
   */
  readonly mmapTimeoutMs?: number | 'never' | 'on-idle';
  /** Use the machine's kernel irqchip where it has one. true. */
  readonly xIrqfd?: boolean;
  /** Attach through the device's own node and iommufd instead of its group. false. */
  readonly iommufd?: boolean;
  /** 'strict', or 'qemu' for QEMU's behaviour bit for bit. 'strict'. */
  readonly policy?: 'strict' | 'qemu';
  readonly eoi?: EoiOptions;
  /** Inject an edge line once for all edges that came together, or once for each. 'coalesce'. */
  readonly edgeCount?: 'coalesce' | 'replay';
  /** Widths in bytes that the device takes; wider accesses are split, narrower ones refused. [1, 2, 4, 8]. */
  readonly accessWidths?: readonly number[];
  /** Map the machine's RAM for the device. false. */
  readonly dma?: boolean;
  /** Allow a group without IOMMU (no DMA, and the kernel is tainted). false. */
  readonly noiommu?: boolean;
  /** Unmask attempts before a line counts as stuck, 1 … 16 (policy strict). 16. */
  readonly unmaskAttempts?: number;
  /** Milliseconds of machine time after which an active line is reported as stalled; 0: never. 1000. */
  readonly stallLimitMs?: number;
  /** Linear memory of the core in bytes, windows for mapped regions included, 320 KiB … 1 GiB. 32 MiB. */
  readonly memoryBytes?: number;
  /** Profile to use; by default the built-in one for the device's compatible strings. null: none. */
  readonly profile?: DeviceProfile | null;
  /** Produce trace events from the start. false. */
  readonly trace?: boolean;
}

/** Options with every default filled in. */
export type ResolvedOptions = Required<
  Omit<DeviceOptions, 'host' | 'sysfsdev' | 'fd' | 'profile' | 'eoi'>
> &
  Pick<DeviceOptions, 'host' | 'sysfsdev' | 'fd' | 'profile'> & {
    readonly eoi: Required<EoiOptions>;
  };
