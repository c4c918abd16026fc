import type { IovaRange } from './address-space';

/** How the simulated kernel was built and booted. */
export interface KernelOptions {
  /** Module parameter vfio.enable_unsafe_noiommu_mode; off unless given. */
  readonly unsafeNoiommu?: boolean;
  /**
   * Module parameter vfio_iommu_type1/iommufd allow_unsafe_interrupts; on
   * unless given. Without it SET_IOMMU and BIND_IOMMUFD answer EPERM, as they
   * do for platform devices without interrupt isolation.
   */
  readonly unsafeInterrupts?: boolean;
  /** CONFIG_IOMMUFD and the VFIO cdevs; on unless given. */
  readonly iommufd?: boolean;
  /** Addresses that the IOMMU can map; by default those of an arm64 SMMUv3 with its MSI window cut out. */
  readonly iovaRanges?: readonly IovaRange[];
  /** Page sizes of the IOMMU, one bit each; 4 KiB, 2 MiB and 1 GiB unless given. */
  readonly iommuPageSizes?: bigint;
  /** Mappings that one container may hold (module parameter dma_entry_limit); 65535 unless given. */
  readonly dmaEntryLimit?: number;
  /** File descriptors that may be open at once; 1024 unless given. */
  readonly openFileLimit?: number;
  /**
   * What becomes of an edge while no trigger is armed. 'latched' (default): the
   * line is only disabled then, and generic IRQ code remembers one edge and
   * resends it when the line is enabled (IRQS_PENDING; the GIC latches as well
   * before the first enable). 'lost' is an interrupt controller that cannot.
   */
  readonly disabledEdges?: 'latched' | 'lost';
}

export const DEFAULT_KERNEL_OPTIONS: Required<KernelOptions> = {
  unsafeNoiommu: false,
  unsafeInterrupts: true,
  iommufd: true,
  iovaRanges: [
    { first: 0n, last: 0x7ffffffn },
    { first: 0x8100000n, last: 0xffffffffffffn },
  ],
  iommuPageSizes: 0x40201000n,
  dmaEntryLimit: 65535,
  openFileLimit: 1024,
  disabledEdges: 'latched',
};
