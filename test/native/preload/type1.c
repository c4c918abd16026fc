/* The type-1 IOMMU driver (drivers/vfio/vfio_iommu_type1.c), versions 1 and 2. */
#include <errno.h>
#include <string.h>

#include "play.h"

static uint64_t page_mask(void) { return (options.page_sizes & -options.page_sizes) - 1; }

/** migration, dma_avail, iova_range: in the order in which Linux 6.12 lists them */
static void write_capabilities(struct space *space, uint8_t *info) {
  uint32_t at = sizeof(struct iommu_info);
  struct cap_migration *migration = (void *)(info + at);
  at += sizeof *migration;
  *migration = (struct cap_migration){
      {CAP_MIGRATION, 1, at}, 0, 0, options.page_sizes & -options.page_sizes, 1u << 28};
  struct cap_avail *avail = (void *)(info + at);
  at += sizeof *avail;
  *avail = (struct cap_avail){
      {CAP_DMA_AVAIL, 1, at}, options.dma_entry_limit - (uint32_t)space->count, 0};
  struct cap_iova *iova = (void *)(info + at);
  iova->header = (struct cap_header){CAP_IOVA_RANGE, 1, 0};
  iova->nr_iovas = options.range_count;
  iova->reserved = 0;
  memcpy(iova->ranges, options.ranges, options.range_count * sizeof options.ranges[0]);
}

static long get_info(struct space *space, struct iommu_info *info) {
  uint32_t argsz = info->argsz;
  uint32_t needed = sizeof *info + sizeof(struct cap_migration) + sizeof(struct cap_avail) +
                    sizeof(struct cap_iova) + options.range_count * sizeof options.ranges[0];
  if (argsz < offsetof(struct iommu_info, cap_offset)) return -EINVAL;
  if (argsz >= needed) write_capabilities(space, (uint8_t *)info);
  else info->argsz = needed;
  if (argsz >= offsetof(struct iommu_info, pad)) info->cap_offset = argsz >= needed ? sizeof *info : 0;
  info->flags = IOMMU_INFO_PGSIZES | IOMMU_INFO_CAPS;
  info->iova_pgsizes = options.page_sizes;
  return 0;
}

static long map(struct space *space, const struct dma_map *map) {
  const uint32_t permissions = DMA_READ | DMA_WRITE;
  if (map->argsz < sizeof *map || (map->flags & ~permissions) != 0 || map->flags == 0) return -EINVAL;
  if (map->size == 0 || ((map->size | map->iova | map->vaddr) & page_mask()) != 0) return -EINVAL;
  uint64_t last = map->iova + (map->size - 1);
  if (last < map->iova || map->vaddr + (map->size - 1) < map->vaddr) return -EINVAL;
  if (space_overlapping(space, map->iova, last) != NULL) return -EEXIST;
  if (space->count >= options.dma_entry_limit) return -ENOSPC;
  if (!iova_allowed(map->iova, last)) return -EINVAL;
  return space_insert(space, (struct dma_entry){map->iova, map->size, map->vaddr,
                                                map->flags & DMA_READ, map->flags & DMA_WRITE});
}

/** Version 1 takes whole mappings away, but none that begins before `first`. */
static uint64_t remove_all(struct space *space, uint64_t first, uint64_t last) {
  uint64_t unmapped = 0;
  struct dma_entry *entry;
  while ((entry = space_overlapping(space, first, last)) != NULL && entry->iova >= first) {
    unmapped += entry->size;
    space_remove(space, entry);
  }
  return unmapped;
}

/** Whether the mapping that holds `byte` has a part on either side of the cut before `cut`. */
static bool splits(struct space *space, uint64_t byte, uint64_t cut) {
  struct dma_entry *entry = space_overlapping(space, byte, byte);
  return entry != NULL && entry->iova < cut && cut - 1 < entry->iova + (entry->size - 1);
}

static long unmap(struct space *space, bool v2, struct dma_unmap *unmap) {
  if (unmap->argsz < sizeof *unmap || (unmap->flags & ~(uint32_t)UNMAP_ALL) != 0) return -EINVAL;
  if ((unmap->flags & UNMAP_ALL) != 0) {
    if (unmap->iova != 0 || unmap->size != 0) return -EINVAL;
    unmap->size = remove_all(space, 0, UINT64_MAX);
    return 0;
  }
  if (unmap->size == 0 || ((unmap->iova | unmap->size) & page_mask()) != 0) return -EINVAL;
  uint64_t last = unmap->iova + (unmap->size - 1);
  if (last < unmap->iova) return -EINVAL;
  if (v2 && (splits(space, unmap->iova, unmap->iova) || splits(space, last, last + 1)))
    return -EINVAL;
  unmap->size = remove_all(space, unmap->iova, last);
  return 0;
}

long type1_ioctl(struct space *space, bool v2, unsigned request, void *argument) {
  if (argument == NULL) return -EFAULT;
  switch (request) {
    case VFIO_IOMMU_GET_INFO:
      return get_info(space, argument);
    case VFIO_IOMMU_MAP_DMA:
      return map(space, argument);
    case VFIO_IOMMU_UNMAP_DMA:
      return unmap(space, v2, argument);
    default:
      return -ENOTTY;
  }
}
