/**
 * Numbers and struct offsets of the iommufd user-space ABI (linux/iommufd.h).
 * Both AssemblyScript and TypeScript, like vfio.ts.
 */

// Requests: _IO(';', 0x80 + n)
export const IOMMU_DESTROY = 0x3b80;
export const IOMMU_IOAS_ALLOC = 0x3b81;
export const IOMMU_IOAS_IOVA_RANGES = 0x3b84;
export const IOMMU_IOAS_MAP = 0x3b85;
export const IOMMU_IOAS_UNMAP = 0x3b86;
export const IOMMU_HWPT_ALLOC = 0x3b89;

// struct iommu_destroy
export const IOMMU_DESTROY_SIZE = 8;
export const IOMMU_DESTROY_ID = 4;

// struct iommu_ioas_alloc
export const IOMMU_IOAS_ALLOC_SIZE = 12;
export const IOMMU_IOAS_ALLOC_FLAGS = 4;
export const IOMMU_IOAS_ALLOC_OUT_ID = 8;

// struct iommu_ioas_iova_ranges
export const IOMMU_IOVA_RANGES_SIZE = 32;
export const IOMMU_IOVA_RANGES_IOAS_ID = 4;
export const IOMMU_IOVA_RANGES_NUM_IOVAS = 8;
export const IOMMU_IOVA_RANGES_ALLOWED_LO64 = 16;
export const IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64 = 24;
export const IOMMU_IOVA_RANGE_SIZE = 16;

// struct iommu_ioas_map
export const IOMMU_IOAS_MAP_SIZE = 40;
export const IOMMU_IOAS_MAP_FLAGS = 4;
export const IOMMU_IOAS_MAP_IOAS_ID = 8;
export const IOMMU_IOAS_MAP_USER_VA_LO64 = 16;
export const IOMMU_IOAS_MAP_LENGTH_LO64 = 24;
export const IOMMU_IOAS_MAP_IOVA_LO64 = 32;
export const IOMMU_IOAS_MAP_FIXED_IOVA = 1;
export const IOMMU_IOAS_MAP_WRITEABLE = 2;
export const IOMMU_IOAS_MAP_READABLE = 4;

// struct iommu_ioas_unmap
export const IOMMU_IOAS_UNMAP_SIZE = 24;
export const IOMMU_IOAS_UNMAP_IOAS_ID = 4;
export const IOMMU_IOAS_UNMAP_IOVA_LO64 = 8;
export const IOMMU_IOAS_UNMAP_LENGTH_LO64 = 16;

// struct iommu_hwpt_alloc
export const IOMMU_HWPT_ALLOC_SIZE = 48;
export const IOMMU_HWPT_ALLOC_FLAGS = 4;
export const IOMMU_HWPT_ALLOC_DEV_ID = 8;
export const IOMMU_HWPT_ALLOC_PT_ID = 12;
export const IOMMU_HWPT_ALLOC_OUT_ID = 16;
