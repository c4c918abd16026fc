/* The part of the VFIO, iommufd and KVM user-space ABI that is played here.
 *
 * Written out, because the headers of older distributions lack iommufd and the
 * VFIO cdev. Numbers and layouts: linux/vfio.h and linux/iommufd.h.
 */
#ifndef VFIO_PLAY_ABI_H
#define VFIO_PLAY_ABI_H

#include <stdint.h>

#define VFIO(n) (0x3b64u + (n))
enum {
  VFIO_GET_API_VERSION = VFIO(0),
  VFIO_CHECK_EXTENSION = VFIO(1),
  VFIO_SET_IOMMU = VFIO(2),
  VFIO_GROUP_GET_STATUS = VFIO(3),
  VFIO_GROUP_SET_CONTAINER = VFIO(4),
  VFIO_GROUP_UNSET_CONTAINER = VFIO(5),
  VFIO_GROUP_GET_DEVICE_FD = VFIO(6),
  VFIO_DEVICE_GET_INFO = VFIO(7),
  VFIO_DEVICE_GET_REGION_INFO = VFIO(8),
  VFIO_DEVICE_GET_IRQ_INFO = VFIO(9),
  VFIO_DEVICE_SET_IRQS = VFIO(10),
  VFIO_DEVICE_RESET = VFIO(11),
  VFIO_IOMMU_GET_INFO = VFIO(12),
  VFIO_IOMMU_MAP_DMA = VFIO(13),
  VFIO_IOMMU_UNMAP_DMA = VFIO(14),
  VFIO_DEVICE_BIND_IOMMUFD = VFIO(18),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT = VFIO(19),
  VFIO_DEVICE_DETACH_IOMMUFD_PT = VFIO(20),
  IOMMU_DESTROY = 0x3b80,
  IOMMU_IOAS_ALLOC = 0x3b81,
  IOMMU_IOAS_IOVA_RANGES = 0x3b84,
  IOMMU_IOAS_MAP = 0x3b85,
  IOMMU_IOAS_UNMAP = 0x3b86,
  IOMMU_HWPT_ALLOC = 0x3b89,
};

enum { TYPE1_IOMMU = 1, TYPE1V2_IOMMU = 3, NOIOMMU_IOMMU = 8 };
enum { GROUP_VIABLE = 1, GROUP_CONTAINER_SET = 2 };
enum { DEVICE_RESET = 1, DEVICE_PLATFORM = 4, DEVICE_AMBA = 8 };
enum { REGION_READ = 1, REGION_WRITE = 2, REGION_MMAP = 4, REGION_CAPS = 8 };
enum { IRQ_EVENTFD = 1, IRQ_MASKABLE = 2, IRQ_AUTOMASKED = 4 };
enum { SET_NONE = 1, SET_BOOL = 2, SET_EVENTFD = 4, SET_DATA = 7 };
enum { SET_MASK = 8, SET_UNMASK = 16, SET_TRIGGER = 32, SET_ACTION = 56 };
enum { DMA_READ = 1, DMA_WRITE = 2, UNMAP_ALL = 2 };
enum { IOMMU_INFO_PGSIZES = 1, IOMMU_INFO_CAPS = 2 };
enum { CAP_IOVA_RANGE = 1, CAP_MIGRATION = 2, CAP_DMA_AVAIL = 3, CAP_SPARSE_MMAP = 1 };
enum { IOAS_FIXED_IOVA = 1, IOAS_WRITEABLE = 2, IOAS_READABLE = 4 };

/** Bits of a device's file offset below the region index. */
#define REGION_SHIFT 40

struct group_status { uint32_t argsz, flags; };
struct device_info { uint32_t argsz, flags, num_regions, num_irqs, cap_offset; };
struct region_info { uint32_t argsz, flags, index, cap_offset; uint64_t size, offset; };
struct cap_header { uint16_t id, version; uint32_t next; };
struct sparse_area { uint64_t offset, size; };
struct sparse_mmap { struct cap_header header; uint32_t nr_areas, reserved; struct sparse_area areas[]; };
struct irq_info { uint32_t argsz, flags, index, count; };
struct irq_set { uint32_t argsz, flags, index, start, count; uint8_t data[]; };
struct iommu_info { uint32_t argsz, flags; uint64_t iova_pgsizes; uint32_t cap_offset, pad; };
struct iova_range { uint64_t first, last; };
struct cap_iova { struct cap_header header; uint32_t nr_iovas, reserved; struct iova_range ranges[]; };
struct cap_avail { struct cap_header header; uint32_t avail, pad; };
struct cap_migration { struct cap_header header; uint32_t flags, pad; uint64_t pgsizes, max_dirty; };
struct dma_map { uint32_t argsz, flags; uint64_t vaddr, iova, size; };
struct dma_unmap { uint32_t argsz, flags; uint64_t iova, size; };
struct bind_iommufd { uint32_t argsz, flags; int32_t iommufd; uint32_t out_devid; };
struct attach_pt { uint32_t argsz, flags, pt_id; };
struct detach_pt { uint32_t argsz, flags; };
struct iommu_destroy { uint32_t size, id; };
struct ioas_alloc { uint32_t size, flags, out_ioas_id; };
struct iova_ranges { uint32_t size, ioas_id, num_iovas, reserved; uint64_t allowed_iovas, out_alignment; };
struct ioas_map { uint32_t size, flags, ioas_id, reserved; uint64_t user_va, length, iova; };
struct ioas_unmap { uint32_t size, ioas_id; uint64_t iova, length; };
struct hwpt_alloc { uint32_t size, flags, dev_id, pt_id, out_hwpt_id, reserved, data_type, data_len; uint64_t data_uptr, tail; };

_Static_assert(sizeof(struct device_info) == 20 && sizeof(struct region_info) == 32, "vfio.h");
_Static_assert(sizeof(struct irq_info) == 16 && sizeof(struct irq_set) == 20, "vfio.h");
_Static_assert(sizeof(struct iommu_info) == 24 && sizeof(struct sparse_mmap) == 16, "vfio.h");
_Static_assert(sizeof(struct dma_map) == 32 && sizeof(struct dma_unmap) == 24, "vfio.h");
_Static_assert(sizeof(struct bind_iommufd) == 16 && sizeof(struct attach_pt) == 12, "vfio.h");
_Static_assert(sizeof(struct ioas_map) == 40 && sizeof(struct ioas_unmap) == 24, "iommufd.h");
_Static_assert(sizeof(struct iova_ranges) == 32 && sizeof(struct hwpt_alloc) == 48, "iommufd.h");

#endif
