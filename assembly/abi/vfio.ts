/**
 * Numbers and struct offsets of the VFIO user-space ABI (linux/vfio.h).
 *
 * Plain constants without type annotations, so that this one file is both
 * AssemblyScript and TypeScript. Offsets and sizes are in bytes; a name ending
 * in _LO64 marks the low word of a 64-bit little-endian field.
 */

export const VFIO_API_VERSION = 0;

// Requests: _IO(';', 100 + n)
export const VFIO_GET_API_VERSION = 0x3b64;
export const VFIO_CHECK_EXTENSION = 0x3b65;
export const VFIO_SET_IOMMU = 0x3b66;
export const VFIO_GROUP_GET_STATUS = 0x3b67;
export const VFIO_GROUP_SET_CONTAINER = 0x3b68;
export const VFIO_GROUP_UNSET_CONTAINER = 0x3b69;
export const VFIO_GROUP_GET_DEVICE_FD = 0x3b6a;
export const VFIO_DEVICE_GET_INFO = 0x3b6b;
export const VFIO_DEVICE_GET_REGION_INFO = 0x3b6c;
export const VFIO_DEVICE_GET_IRQ_INFO = 0x3b6d;
export const VFIO_DEVICE_SET_IRQS = 0x3b6e;
export const VFIO_DEVICE_RESET = 0x3b6f;
export const VFIO_IOMMU_GET_INFO = 0x3b70;
export const VFIO_IOMMU_MAP_DMA = 0x3b71;
export const VFIO_IOMMU_UNMAP_DMA = 0x3b72;
export const VFIO_DEVICE_BIND_IOMMUFD = 0x3b76;
export const VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b77;
export const VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3b78;

// IOMMU types for CHECK_EXTENSION and SET_IOMMU
export const VFIO_TYPE1_IOMMU = 1;
export const VFIO_TYPE1V2_IOMMU = 3;
export const VFIO_NOIOMMU_IOMMU = 8;

// struct vfio_group_status
export const VFIO_GROUP_STATUS_SIZE = 8;
export const VFIO_GROUP_STATUS_FLAGS = 4;
export const VFIO_GROUP_FLAGS_VIABLE = 1;
export const VFIO_GROUP_FLAGS_CONTAINER_SET = 2;

// struct vfio_device_info; newer kernels have 24 bytes, 20 is what all accept
export const VFIO_DEVICE_INFO_SIZE = 20;
export const VFIO_DEVICE_INFO_FLAGS = 4;
export const VFIO_DEVICE_INFO_NUM_REGIONS = 8;
export const VFIO_DEVICE_INFO_NUM_IRQS = 12;
export const VFIO_DEVICE_INFO_CAP_OFFSET = 16;
export const VFIO_DEVICE_FLAGS_RESET = 1;
export const VFIO_DEVICE_FLAGS_PCI = 2;
export const VFIO_DEVICE_FLAGS_PLATFORM = 4;
export const VFIO_DEVICE_FLAGS_AMBA = 8;
export const VFIO_DEVICE_FLAGS_CAPS = 128;

// struct vfio_region_info
export const VFIO_REGION_INFO_SIZE = 32;
export const VFIO_REGION_INFO_FLAGS = 4;
export const VFIO_REGION_INFO_INDEX = 8;
export const VFIO_REGION_INFO_CAP_OFFSET = 12;
export const VFIO_REGION_INFO_SIZE_LO64 = 16;
export const VFIO_REGION_INFO_OFFSET_LO64 = 24;
export const VFIO_REGION_INFO_FLAG_READ = 1;
export const VFIO_REGION_INFO_FLAG_WRITE = 2;
export const VFIO_REGION_INFO_FLAG_MMAP = 4;
export const VFIO_REGION_INFO_FLAG_CAPS = 8;

// struct vfio_info_cap_header
export const VFIO_INFO_CAP_HEADER_SIZE = 8;
export const VFIO_INFO_CAP_ID = 0;
export const VFIO_INFO_CAP_VERSION = 2;
export const VFIO_INFO_CAP_NEXT = 4;

// struct vfio_region_info_cap_sparse_mmap
export const VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
export const VFIO_SPARSE_MMAP_NR_AREAS = 8;
export const VFIO_SPARSE_MMAP_AREAS = 16;
export const VFIO_SPARSE_MMAP_AREA_SIZE = 16;
export const VFIO_SPARSE_MMAP_AREA_OFFSET_LO64 = 0;
export const VFIO_SPARSE_MMAP_AREA_SIZE_LO64 = 8;

// struct vfio_irq_info
export const VFIO_IRQ_INFO_SIZE = 16;
export const VFIO_IRQ_INFO_FLAGS = 4;
export const VFIO_IRQ_INFO_INDEX = 8;
export const VFIO_IRQ_INFO_COUNT = 12;
export const VFIO_IRQ_INFO_EVENTFD = 1;
export const VFIO_IRQ_INFO_MASKABLE = 2;
export const VFIO_IRQ_INFO_AUTOMASKED = 4;
export const VFIO_IRQ_INFO_NORESIZE = 8;

// struct vfio_irq_set
export const VFIO_IRQ_SET_SIZE = 20;
export const VFIO_IRQ_SET_FLAGS = 4;
export const VFIO_IRQ_SET_INDEX = 8;
export const VFIO_IRQ_SET_START = 12;
export const VFIO_IRQ_SET_COUNT = 16;
export const VFIO_IRQ_SET_DATA = 20;
export const VFIO_IRQ_SET_DATA_NONE = 1;
export const VFIO_IRQ_SET_DATA_BOOL = 2;
export const VFIO_IRQ_SET_DATA_EVENTFD = 4;
export const VFIO_IRQ_SET_ACTION_MASK = 8;
export const VFIO_IRQ_SET_ACTION_UNMASK = 16;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 32;

// struct vfio_iommu_type1_info
export const VFIO_IOMMU_INFO_SIZE = 24;
export const VFIO_IOMMU_INFO_FLAGS = 4;
export const VFIO_IOMMU_INFO_IOVA_PGSIZES_LO64 = 8;
export const VFIO_IOMMU_INFO_CAP_OFFSET = 16;
export const VFIO_IOMMU_INFO_FLAG_PGSIZES = 1;
export const VFIO_IOMMU_INFO_FLAG_CAPS = 2;
export const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;
export const VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3;
export const VFIO_IOVA_RANGE_NR_IOVAS = 8;
export const VFIO_IOVA_RANGE_RANGES = 16;
export const VFIO_IOVA_RANGE_SIZE = 16;
export const VFIO_DMA_AVAIL_COUNT = 8;

// struct vfio_iommu_type1_dma_map
export const VFIO_DMA_MAP_SIZE = 32;
export const VFIO_DMA_MAP_FLAGS = 4;
export const VFIO_DMA_MAP_VADDR_LO64 = 8;
export const VFIO_DMA_MAP_IOVA_LO64 = 16;
export const VFIO_DMA_MAP_SIZE_LO64 = 24;
export const VFIO_DMA_MAP_FLAG_READ = 1;
export const VFIO_DMA_MAP_FLAG_WRITE = 2;

// struct vfio_iommu_type1_dma_unmap
export const VFIO_DMA_UNMAP_SIZE = 24;
export const VFIO_DMA_UNMAP_FLAGS = 4;
export const VFIO_DMA_UNMAP_IOVA_LO64 = 8;
export const VFIO_DMA_UNMAP_SIZE_LO64 = 16;

// struct vfio_device_bind_iommufd (the size every kernel accepts)
export const VFIO_BIND_IOMMUFD_SIZE = 16;
export const VFIO_BIND_IOMMUFD_FLAGS = 4;
export const VFIO_BIND_IOMMUFD_FD = 8;
export const VFIO_BIND_IOMMUFD_OUT_DEVID = 12;

// struct vfio_device_attach_iommufd_pt
export const VFIO_ATTACH_IOMMUFD_PT_SIZE = 12;
export const VFIO_ATTACH_IOMMUFD_PT_FLAGS = 4;
export const VFIO_ATTACH_IOMMUFD_PT_ID = 8;

// struct vfio_device_detach_iommufd_pt
export const VFIO_DETACH_IOMMUFD_PT_SIZE = 8;
