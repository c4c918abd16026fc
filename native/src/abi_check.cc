// Our own numbers against those of the kernel headers that are installed, as
// far as these know them: older headers lack cdev and iommufd.
#include "shared/abi.h"

#include <cstddef>

#if __has_include(<linux/vfio.h>)
#include <linux/vfio.h>
#endif
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif

namespace vfio_native::abi {

// What no header may change: requests are _IO(';', 100 + n).
static_assert(kVFIO_GET_API_VERSION == (';' << 8 | 100));
static_assert(kVFIO_DEVICE_BIND_IOMMUFD == (';' << 8 | 118));
static_assert(kVFIO_DEVICE_ATTACH_IOMMUFD_PT == (';' << 8 | 119));
static_assert(kIOMMU_DESTROY == (';' << 8 | 0x80));
static_assert(kIOMMU_IOAS_ALLOC == (';' << 8 | 0x81));
static_assert(kIOMMU_IOAS_IOVA_RANGES == (';' << 8 | 0x84));
static_assert(kIOMMU_IOAS_MAP == (';' << 8 | 0x85));
static_assert(kIOMMU_IOAS_UNMAP == (';' << 8 | 0x86));

#if defined(VFIO_API_VERSION)
static_assert(kVFIO_CHECK_EXTENSION == VFIO_CHECK_EXTENSION);
static_assert(kVFIO_SET_IOMMU == VFIO_SET_IOMMU);
static_assert(kVFIO_GROUP_GET_STATUS == VFIO_GROUP_GET_STATUS);
static_assert(kVFIO_GROUP_SET_CONTAINER == VFIO_GROUP_SET_CONTAINER);
static_assert(kVFIO_GROUP_UNSET_CONTAINER == VFIO_GROUP_UNSET_CONTAINER);
static_assert(kVFIO_GROUP_GET_DEVICE_FD == VFIO_GROUP_GET_DEVICE_FD);
static_assert(kVFIO_DEVICE_GET_INFO == VFIO_DEVICE_GET_INFO);
static_assert(kVFIO_DEVICE_GET_REGION_INFO == VFIO_DEVICE_GET_REGION_INFO);
static_assert(kVFIO_DEVICE_GET_IRQ_INFO == VFIO_DEVICE_GET_IRQ_INFO);
static_assert(kVFIO_DEVICE_SET_IRQS == VFIO_DEVICE_SET_IRQS);
static_assert(kVFIO_DEVICE_RESET == VFIO_DEVICE_RESET);
static_assert(kVFIO_IOMMU_GET_INFO == VFIO_IOMMU_GET_INFO);
static_assert(kVFIO_IOMMU_MAP_DMA == VFIO_IOMMU_MAP_DMA);
static_assert(kVFIO_IOMMU_UNMAP_DMA == VFIO_IOMMU_UNMAP_DMA);
static_assert(kVFIO_TYPE1_IOMMU == VFIO_TYPE1_IOMMU);
static_assert(kVFIO_TYPE1V2_IOMMU == VFIO_TYPE1v2_IOMMU);
static_assert(kVFIO_NOIOMMU_IOMMU == VFIO_NOIOMMU_IOMMU);

static_assert(kVFIO_GROUP_STATUS_SIZE == sizeof(vfio_group_status));
// 20 bytes are what every kernel accepts; newer headers pad to 24.
static_assert(kVFIO_DEVICE_INFO_SIZE <= sizeof(vfio_device_info));
static_assert(kVFIO_DEVICE_INFO_NUM_IRQS == offsetof(vfio_device_info, num_irqs));
static_assert(kVFIO_REGION_INFO_SIZE == sizeof(vfio_region_info));
static_assert(kVFIO_REGION_INFO_SIZE_LO64 == offsetof(vfio_region_info, size));
static_assert(kVFIO_REGION_INFO_OFFSET_LO64 == offsetof(vfio_region_info, offset));
static_assert(kVFIO_SPARSE_MMAP_AREAS == offsetof(vfio_region_info_cap_sparse_mmap, areas));
static_assert(kVFIO_IRQ_INFO_SIZE == sizeof(vfio_irq_info));
static_assert(kVFIO_IRQ_SET_SIZE == sizeof(vfio_irq_set));
static_assert(kVFIO_IRQ_SET_DATA == offsetof(vfio_irq_set, data));
static_assert(kVFIO_IRQ_SET_FLAGS == offsetof(vfio_irq_set, flags));
static_assert(kVFIO_IRQ_SET_DATA_EVENTFD == VFIO_IRQ_SET_DATA_EVENTFD);
static_assert(kVFIO_DMA_MAP_SIZE == sizeof(vfio_iommu_type1_dma_map));
static_assert(kVFIO_DMA_MAP_VADDR_LO64 == offsetof(vfio_iommu_type1_dma_map, vaddr));
static_assert(kVFIO_DMA_MAP_IOVA_LO64 == offsetof(vfio_iommu_type1_dma_map, iova));
static_assert(kVFIO_DMA_MAP_SIZE_LO64 == offsetof(vfio_iommu_type1_dma_map, size));
static_assert(kVFIO_DMA_UNMAP_SIZE == sizeof(vfio_iommu_type1_dma_unmap));
static_assert(kVFIO_DMA_UNMAP_IOVA_LO64 == offsetof(vfio_iommu_type1_dma_unmap, iova));
static_assert(kVFIO_DMA_UNMAP_SIZE_LO64 == offsetof(vfio_iommu_type1_dma_unmap, size));
#endif

#if defined(IOMMUFD_TYPE)
static_assert(kIOMMU_IOAS_ALLOC_SIZE == sizeof(iommu_ioas_alloc));
static_assert(kIOMMU_IOVA_RANGES_SIZE == sizeof(iommu_ioas_iova_ranges));
static_assert(kIOMMU_IOVA_RANGES_ALLOWED_LO64 == offsetof(iommu_ioas_iova_ranges, allowed_iovas));
static_assert(kIOMMU_IOAS_MAP_SIZE == sizeof(iommu_ioas_map));
static_assert(kIOMMU_IOAS_MAP_USER_VA_LO64 == offsetof(iommu_ioas_map, user_va));
static_assert(kIOMMU_IOAS_MAP_LENGTH_LO64 == offsetof(iommu_ioas_map, length));
static_assert(kIOMMU_IOAS_MAP_IOVA_LO64 == offsetof(iommu_ioas_map, iova));
static_assert(kIOMMU_IOAS_UNMAP_SIZE == sizeof(iommu_ioas_unmap));
#endif

}  // namespace vfio_native::abi
