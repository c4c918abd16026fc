/* /dev/vfio/N: the devices that the IOMMU cannot tell apart. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "raw.h"

struct group_file { struct file file; struct group *group; };

bool group_claim_dma(struct group *group, void *owner) {
  if (group->foreign_drivers > 0) return false;
  if (group->dma_claims > 0 && group->dma_owner != owner) return false;
  group->dma_owner = owner;
  group->dma_claims++;
  return true;
}

void group_release_dma(struct group *group) { group->dma_claims--; }

static void unset_container(struct group *group) {
  struct container *container = group->container;
  group->container = NULL;
  group->container_users = 0;
  container_detach(container, group);
}

long group_use_container(struct group *group) {
  if (group->container == NULL || !container_has_iommu(group->container)) return -EINVAL;
  if (group->opened != NULL) file_hold(group->opened);
  group->container_users++;
  return 0;
}

void group_unuse_container(struct group *group) {
  group->container_users--;
  if (group->opened != NULL) file_put(group->opened);
}

static long get_status(const struct group *group, struct group_status *status) {
  if (status->argsz < sizeof *status) return -EINVAL;
  status->flags = 0;
  if (group->container != NULL) status->flags = GROUP_CONTAINER_SET | GROUP_VIABLE;
  else if (group->foreign_drivers == 0 && group->dma_claims == 0) status->flags = GROUP_VIABLE;
  return 0;
}

static long set_container(struct group *group, const int32_t *fd) {
  if (*fd < 0) return -EINVAL;
  struct file *file = file_of(*fd);
  if (file == NULL) return RAW3(SYS_fcntl, *fd, F_GETFD, 0) == -EBADF ? -EBADF : -EBADFD;
  if (group->container != NULL) return -EINVAL;
  /* An iommufd would do as well (its VFIO compatibility); that is not played. */
  if (file->kind != CONTAINER) return -EBADFD;
  long result = container_attach((struct container *)file, group);
  if (result < 0) return result;
  group->container = (struct container *)file;
  group->container_users = 1;
  return 0;
}

static long get_device_fd(struct group *group, const char *name) {
  for (struct device *device = board_devices; device != NULL; device = device->next)
    if (device->group == group && device->bound && device->on_board && !device->gone &&
        strcmp(device->name, name) == 0)
      return device_open_in_group(device, group, name);
  return -ENODEV;
}

static long group_ioctl(struct file *file, unsigned request, void *argument) {
  struct group *group = ((struct group_file *)file)->group;
  switch (request) {
    case VFIO_GROUP_GET_STATUS:
      return argument == NULL ? -EFAULT : get_status(group, argument);
    case VFIO_GROUP_SET_CONTAINER:
      return argument == NULL ? -EFAULT : set_container(group, argument);
    case VFIO_GROUP_UNSET_CONTAINER:
      if (group->container == NULL) return -EINVAL;
      if (group->container_users != 1) return -EBUSY;
      unset_container(group);
      return 0;
    case VFIO_GROUP_GET_DEVICE_FD:
      return argument == NULL ? -EFAULT : get_device_fd(group, argument);
    default:
      return -ENOTTY;
  }
}

static void release(struct file *file) {
  struct group *group = ((struct group_file *)file)->group;
  if (group->container != NULL) unset_container(group);
  group->opened = NULL;
  free(file);
}

static const struct file_ops ops = {.ioctl = group_ioctl, .release = release};

/** -ENODEV without devices, -EBUSY while the group or a cdev of it is open. */
long group_open(struct group *group, int flags) {
  if (group->drivers == 0) return -ENODEV;
  if (group->cdev_users > 0 || group->opened != NULL) return -EBUSY;
  struct group_file *file = calloc(1, sizeof *file);
  if (file == NULL) return -ENOMEM;
  *file = (struct group_file){{GROUP, &ops, 1, 0}, group};
  group->opened = &file->file;
  return file_install(&file->file, "vfio:group", flags);
}
