/**
 * Numbers of the kernel's user-space ABI that only its simulation needs, next
 * to the shared ones in assembly/abi (linux/vfio.h, linux/kvm.h, asm-generic).
 */

export const EISDIR = 21;
export const ESPIPE = 29;
export const EBADFD = 77;
export const EADDRINUSE = 98;

export const EFD_SEMAPHORE = 1;

/** Requests that describe regions and lines carry the index here (vfio_region_info, _irq_info, _irq_set). */
export const VFIO_INDEX = 8;
/** DEVICE_GET_INFO accepts structs from this size on: all up to num_irqs. */
export const VFIO_DEVICE_INFO_MIN = 16;
/** IOMMU_GET_INFO accepts structs from this size on: all up to iova_pgsizes. */
export const VFIO_IOMMU_INFO_MIN = 16;
/** IOMMU_GET_INFO reports cap_offset only in structs of at least this size. */
export const VFIO_IOMMU_INFO_WITH_CAPS = 20;
export const VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2;
export const VFIO_MIGRATION_CAP_SIZE = 32;
/** The address of the memory is given anew (MAP) or will be (UNMAP), as a process does that replaces itself. */
export const VFIO_DMA_MAP_FLAG_VADDR = 4;
export const VFIO_DMA_UNMAP_FLAG_ALL = 2;
export const VFIO_DMA_UNMAP_FLAG_VADDR = 4;
/** Extensions of the type-1 driver that are no IOMMU types. */
export const VFIO_TYPE1_NESTING_IOMMU = 6;
export const VFIO_UNMAP_ALL = 9;
export const VFIO_UPDATE_VADDR = 10;
/** Bits of the file offset below the region index (vfio-platform). */
export const VFIO_OFFSET_SHIFT = 40;
export const VFIO_IRQ_SET_DATA_MASK = 7;
export const VFIO_IRQ_SET_ACTION_MASKS = 0x38;

/** _IO(0xAE, 0x03) */
export const KVM_CHECK_EXTENSION = 0xae03;
export const KVM_CAP_IRQFD = 32;
export const KVM_CAP_IRQFD_RESAMPLE = 82;

export const IOMMU_IOAS_ALLOC_MIN = 12;
export const IOMMU_HWPT_ALLOC_MIN = 24;
export const IOMMU_HWPT_ALLOC_RESERVED = 20;
export const IOMMU_HWPT_ALLOC_DATA_LEN = 28;
export const IOMMU_IOVA_RANGES_RESERVED = 12;
export const IOMMU_IOAS_MAP_RESERVED = 12;

/** Majors are dynamic in Linux; this one is what a fresh machine often gives to vfio-dev. */
export const VFIO_CDEV_MAJOR = 511;
