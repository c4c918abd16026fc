/* /dev/vfio/vfio: the I/O address space that groups share. */
#include <errno.h>
#include <stdlib.h>

#include "play.h"

enum driver { NONE, TYPE1, TYPE1V2, NOIOMMU };

struct container {
  struct file file;
  int groups;
  bool noiommu;
  enum driver driver;
  struct space *space;
};

bool container_has_iommu(const struct container *container) { return container->driver != NONE; }

struct space *container_space(const struct container *container) { return container->space; }

long container_attach(struct container *container, struct group *group) {
  if (container->groups > 0 && container->noiommu != group->noiommu) return -EPERM;
  if (!group->noiommu && !group_claim_dma(group, group)) return -EPERM;
  container->groups++;
  container->noiommu = group->noiommu;
  file_hold(&container->file);
  return 0;
}

/** The IOMMU driver goes with the last group, mappings and all. */
void container_detach(struct container *container, struct group *group) {
  if (!group->noiommu) group_release_dma(group);
  if (--container->groups == 0) {
    if (container->space != NULL) space_free(container->space);
    container->space = NULL;
    container->driver = NONE;
  }
  file_put(&container->file);
}

static long type1_claims(long extension) {
  return extension == TYPE1_IOMMU || extension == TYPE1V2_IOMMU;
}

/** Without a driver every loaded one is asked that may serve the groups, if there are any. */
static long check_extension(const struct container *container, long extension) {
  if (container->driver == NOIOMMU) return extension == NOIOMMU_IOMMU;
  if (container->driver != NONE) return type1_claims(extension);
  bool empty = container->groups == 0;
  if (options.unsafe_noiommu && (empty || container->noiommu) && extension == NOIOMMU_IOMMU)
    return 1;
  return empty || !container->noiommu ? type1_claims(extension) : 0;
}

static long set_iommu(struct container *container, long type) {
  if (container->groups == 0 || container->driver != NONE) return -EINVAL;
  if (container->noiommu) {
    if (type != NOIOMMU_IOMMU || !options.unsafe_noiommu) return -ENODEV;
    container->driver = NOIOMMU;
    return 0;
  }
  if (!type1_claims(type)) return -ENODEV;
  if (!options.unsafe_interrupts) return -EPERM;
  container->driver = type == TYPE1V2_IOMMU ? TYPE1V2 : TYPE1;
  container->space = space_new();
  return 0;
}

static long container_ioctl(struct file *file, unsigned request, void *argument) {
  struct container *container = (struct container *)file;
  switch (request) {
    case VFIO_GET_API_VERSION:
      return 0;
    case VFIO_CHECK_EXTENSION:
      return check_extension(container, (long)argument);
    case VFIO_SET_IOMMU:
      return set_iommu(container, (long)argument);
    default:
      if (container->driver == NONE) return -EINVAL;
      if (container->driver == NOIOMMU) return -ENOTTY;
      return type1_ioctl(container->space, container->driver == TYPE1V2, request, argument);
  }
}

static void release(struct file *file) { free(file); }

static const struct file_ops ops = {.ioctl = container_ioctl, .release = release};

struct file *container_new(void) {
  struct container *container = calloc(1, sizeof *container);
  if (container == NULL) abort();
  container->file = (struct file){CONTAINER, &ops, 1, 0};
  return &container->file;
}
