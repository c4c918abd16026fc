/* /dev/iommu: I/O address spaces, page tables, bound devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

enum { MAX_OBJECTS = 4096 };
enum type { FREE, IOAS, HWPT, BINDING };

struct object {
  enum type type;
  /** IOAS: its mappings, page tables made from it, devices attached to one of those. */
  struct space *space;
  int hwpts, attached;
  /** HWPT: the IOAS; made by attaching to that; devices. */
  uint32_t ioas;
  bool automatic;
  int users;
  /** BINDING: the device and the page table it is attached to, 0 without one. */
  struct device *device;
  uint32_t hwpt;
};

struct iommufd { struct file file; struct object objects[MAX_OBJECTS]; };

static struct object *get(struct iommufd *iommufd, uint32_t id) {
  if (id == 0 || id >= MAX_OBJECTS || iommufd->objects[id].type == FREE) return NULL;
  return &iommufd->objects[id];
}

static struct object *get_ioas(struct iommufd *iommufd, uint32_t id) {
  struct object *object = get(iommufd, id);
  return object != NULL && object->type == IOAS ? object : NULL;
}

static uint32_t add(struct iommufd *iommufd, struct object object) {
  for (uint32_t id = 1; id < MAX_OBJECTS; id++) {
    if (iommufd->objects[id].type != FREE) continue;
    iommufd->objects[id] = object;
    return id;
  }
  return 0;
}

/** Lets an automatic page table without devices go. */
static void collect(struct iommufd *iommufd, uint32_t id) {
  struct object *hwpt = &iommufd->objects[id];
  if (!hwpt->automatic || hwpt->users > 0) return;
  iommufd->objects[hwpt->ioas].hwpts--;
  hwpt->type = FREE;
}

long iommufd_bind(struct file *file, struct device *device) {
  struct iommufd *iommufd = (struct iommufd *)file;
  if (!options.unsafe_interrupts || !group_claim_dma(device->group, iommufd)) return -EPERM;
  uint32_t id = add(iommufd, (struct object){.type = BINDING, .device = device});
  if (id == 0) {
    group_release_dma(device->group);
    return -ENOSPC;
  }
  file_hold(file);
  return id;
}

void iommufd_detach(struct file *file, uint32_t device_id) {
  struct iommufd *iommufd = (struct iommufd *)file;
  struct object *binding = &iommufd->objects[device_id];
  uint32_t id = binding->hwpt;
  if (id == 0) return;
  binding->hwpt = 0;
  iommufd->objects[id].users--;
  iommufd->objects[iommufd->objects[id].ioas].attached--;
  collect(iommufd, id);
}

void iommufd_unbind(struct file *file, uint32_t id) {
  struct iommufd *iommufd = (struct iommufd *)file;
  iommufd_detach(file, id);
  group_release_dma(iommufd->objects[id].device->group);
  iommufd->objects[id].type = FREE;
  file_put(file);
}

/** What a device attaches to: a page table, or an IOAS that gets one. */
static long page_table(struct iommufd *iommufd, uint32_t id) {
  struct object *object = get(iommufd, id);
  if (object == NULL) return -ENOENT;
  if (object->type == HWPT) return id;
  if (object->type != IOAS) return -EINVAL;
  for (uint32_t other = 1; other < MAX_OBJECTS; other++) {
    struct object *shared = &iommufd->objects[other];
    if (shared->type == HWPT && shared->automatic && shared->ioas == id) return other;
  }
  uint32_t made = add(iommufd, (struct object){.type = HWPT, .ioas = id, .automatic = true});
  if (made == 0) return -ENOSPC;
  object->hwpts++;
  return made;
}

/** Mappings made before the first attachment may be where the IOMMU cannot map. */
static bool attachable(const struct space *space) {
  for (size_t i = 0; i < space->count; i++) {
    const struct dma_entry *entry = &space->entries[i];
    if (((entry->iova | entry->size | entry->address) & (PLAYED_PAGE - 1)) != 0) return false;
    if (!iova_allowed(entry->iova, entry->iova + (entry->size - 1))) return false;
  }
  return true;
}

long iommufd_attach(struct file *file, uint32_t device_id, uint32_t page_table_id) {
  struct iommufd *iommufd = (struct iommufd *)file;
  long id = page_table(iommufd, page_table_id);
  if (id < 0) return id;
  struct object *hwpt = &iommufd->objects[id], *ioas = &iommufd->objects[hwpt->ioas];
  if (!attachable(ioas->space)) {
    collect(iommufd, (uint32_t)id);
    return -EADDRINUSE;
  }
  /* Held first: the page table may be the one that is let go. */
  hwpt->users++;
  ioas->attached++;
  iommufd_detach(file, device_id);
  iommufd->objects[device_id].hwpt = (uint32_t)id;
  return id;
}

struct space *iommufd_space(struct file *file, uint32_t device_id) {
  struct iommufd *iommufd = (struct iommufd *)file;
  uint32_t hwpt = iommufd->objects[device_id].hwpt;
  return hwpt == 0 ? NULL : iommufd->objects[iommufd->objects[hwpt].ioas].space;
}

static long destroy(struct iommufd *iommufd, uint32_t id) {
  struct object *object = get(iommufd, id);
  if (object == NULL) return -ENOENT;
  if (object->type == BINDING) return -EBUSY;
  if (object->type == HWPT) {
    if (object->users > 0 || object->automatic) return -EBUSY;
    iommufd->objects[object->ioas].hwpts--;
  } else {
    if (object->hwpts > 0) return -EBUSY;
    space_free(object->space);
  }
  object->type = FREE;
  return 0;
}

static long allocate_ioas(struct iommufd *iommufd, struct ioas_alloc *alloc) {
  if (alloc->flags != 0) return -EOPNOTSUPP;
  uint32_t id = add(iommufd, (struct object){.type = IOAS});
  if (id == 0) return -ENOSPC;
  iommufd->objects[id].space = space_new();
  alloc->out_ioas_id = id;
  return 0;
}

static long allocate_hwpt(struct iommufd *iommufd, struct hwpt_alloc *alloc) {
  if (alloc->flags != 0 || alloc->reserved != 0) return -EOPNOTSUPP;
  if (alloc->size >= offsetof(struct hwpt_alloc, data_uptr) && alloc->data_len != 0) return -EINVAL;
  struct object *device = get(iommufd, alloc->dev_id), *parent = get(iommufd, alloc->pt_id);
  if (device == NULL || device->type != BINDING || parent == NULL) return -ENOENT;
  if (parent->type != IOAS) return -EINVAL;
  uint32_t id = add(iommufd, (struct object){.type = HWPT, .ioas = alloc->pt_id});
  if (id == 0) return -ENOSPC;
  parent->hwpts++;
  alloc->out_hwpt_id = id;
  return 0;
}

static long get_ranges(struct iommufd *iommufd, struct iova_ranges *argument) {
  static const struct iova_range whole = {0, UINT64_MAX};
  if (argument->reserved != 0) return -EOPNOTSUPP;
  struct object *ioas = get_ioas(iommufd, argument->ioas_id);
  if (ioas == NULL) return -ENOENT;
  bool narrowed = ioas->attached > 0;
  const struct iova_range *ranges = narrowed ? options.ranges : &whole;
  uint32_t count = narrowed ? options.range_count : 1, room = argument->num_iovas;
  uint32_t written = room < count ? room : count;
  if (written > 0) {
    if (!user_memory(argument->allowed_iovas, written * sizeof *ranges)) return -EFAULT;
    memcpy((void *)(uintptr_t)argument->allowed_iovas, ranges, written * sizeof *ranges);
  }
  argument->num_iovas = count;
  argument->out_alignment = narrowed ? PLAYED_PAGE : 1;
  return count > room ? -EMSGSIZE : 0;
}

static long map(struct iommufd *iommufd, struct ioas_map *map) {
  const uint32_t permissions = IOAS_WRITEABLE | IOAS_READABLE;
  if ((map->flags & ~(permissions | IOAS_FIXED_IOVA)) != 0 || map->reserved != 0) return -EOPNOTSUPP;
  if ((map->flags & permissions) == 0) return -EINVAL;
  if (map->iova == UINT64_MAX || map->length == UINT64_MAX) return -EOVERFLOW;
  struct object *ioas = get_ioas(iommufd, map->ioas_id);
  if (ioas == NULL) return -ENOENT;
  if (map->length == 0) return -EINVAL;
  if (map->user_va + (map->length - 1) < map->user_va) return -EOVERFLOW;
  uint64_t mask = ioas->attached > 0 ? PLAYED_PAGE - 1 : 0;
  if (((map->user_va | map->length | map->iova) & mask) != 0) return -EINVAL;
  /* The kernel's own choice of an address is not played: this project never asks for it. */
  if ((map->flags & IOAS_FIXED_IOVA) == 0) return -ENOSPC;
  uint64_t last = map->iova + (map->length - 1);
  if (last < map->iova) return -EOVERFLOW;
  if (ioas->attached > 0 && !iova_allowed(map->iova, last)) return -EINVAL;
  if (space_overlapping(ioas->space, map->iova, last) != NULL) return -EEXIST;
  return space_insert(ioas->space, (struct dma_entry){map->iova, map->length, map->user_va,
                                                      map->flags & IOAS_READABLE,
                                                      map->flags & IOAS_WRITEABLE});
}

static long unmap(struct iommufd *iommufd, struct ioas_unmap *unmap) {
  struct object *ioas = get_ioas(iommufd, unmap->ioas_id);
  if (ioas == NULL) return -ENOENT;
  bool all = unmap->iova == 0 && unmap->length == UINT64_MAX;
  if (!all) {
    if (unmap->iova == UINT64_MAX || unmap->length == UINT64_MAX) return -EOVERFLOW;
    if (unmap->length == 0) return -EINVAL;
    if (unmap->iova + (unmap->length - 1) < unmap->iova) return -EOVERFLOW;
  }
  uint64_t first = unmap->iova, last = all ? UINT64_MAX : first + (unmap->length - 1), sum = 0;
  struct dma_entry *entry;
  while ((entry = space_overlapping(ioas->space, first, last)) != NULL) {
    /* Mappings cannot be cut; what lies before this one is gone all the same. */
    if (entry->iova < first || entry->iova + (entry->size - 1) > last) return -ENOENT;
    sum += entry->size;
    space_remove(ioas->space, entry);
  }
  if (sum == 0 && !all) return -ENOENT;
  unmap->length = sum;
  return 0;
}

/** Sizes of the structs: below the first EINVAL, above the second only zeros. */
static long check_size(unsigned request, const void *argument) {
  uint32_t least, known, size = *(const uint32_t *)argument;
  switch (request) {
    case IOMMU_DESTROY: least = known = sizeof(struct iommu_destroy); break;
    case IOMMU_IOAS_ALLOC: least = known = sizeof(struct ioas_alloc); break;
    case IOMMU_IOAS_IOVA_RANGES: least = known = sizeof(struct iova_ranges); break;
    case IOMMU_IOAS_MAP: least = known = sizeof(struct ioas_map); break;
    case IOMMU_IOAS_UNMAP: least = known = sizeof(struct ioas_unmap); break;
    case IOMMU_HWPT_ALLOC: least = 24, known = sizeof(struct hwpt_alloc); break;
    default: return -ENOTTY;
  }
  if (size < least) return -EINVAL;
  for (uint32_t i = known; i < size; i++)
    if (((const uint8_t *)argument)[i] != 0) return -E2BIG;
  return 0;
}

static long iommufd_ioctl(struct file *file, unsigned request, void *argument) {
  struct iommufd *iommufd = (struct iommufd *)file;
  if (argument == NULL) return -EFAULT;
  long result = check_size(request, argument);
  if (result < 0) return result;
  switch (request) {
    case IOMMU_DESTROY: return destroy(iommufd, ((struct iommu_destroy *)argument)->id);
    case IOMMU_IOAS_ALLOC: return allocate_ioas(iommufd, argument);
    case IOMMU_IOAS_IOVA_RANGES: return get_ranges(iommufd, argument);
    case IOMMU_IOAS_MAP: return map(iommufd, argument);
    case IOMMU_IOAS_UNMAP: return unmap(iommufd, argument);
    default: return allocate_hwpt(iommufd, argument);
  }
}

static void release(struct file *file) {
  struct iommufd *iommufd = (struct iommufd *)file;
  for (uint32_t id = 1; id < MAX_OBJECTS; id++)
    if (iommufd->objects[id].type == IOAS) space_free(iommufd->objects[id].space);
  free(iommufd);
}

static const struct file_ops ops = {.ioctl = iommufd_ioctl, .release = release};

struct file *iommufd_new(void) {
  struct iommufd *iommufd = calloc(1, sizeof *iommufd);
  if (iommufd == NULL) abort();
  iommufd->file = (struct file){IOMMUFD, &ops, 1, 0};
  return &iommufd->file;
}
