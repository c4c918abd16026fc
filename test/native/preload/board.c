/* The devices and groups of the played machine, and the nodes that open them. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "play.h"
#include "raw.h"

struct device *board_devices;
struct group *board_groups;

struct device *board_find(const char *name) {
  for (struct device *device = board_devices; device != NULL; device = device->next)
    if (device->on_board && strcmp(device->name, name) == 0) return device;
  return NULL;
}

struct group *board_group(int id, bool noiommu) {
  for (struct group *group = board_groups; group != NULL; group = group->next)
    if (group->id == id) return group->noiommu == noiommu ? group : NULL;
  struct group *group = calloc(1, sizeof *group);
  if (group == NULL) abort();
  *group = (struct group){.id = id, .noiommu = noiommu, .next = board_groups};
  return board_groups = group;
}

static struct device *cdev_at(const char *path) {
  int minor, end = 0;
  if (sscanf(path, "/dev/vfio/devices/vfio%d%n", &minor, &end) != 1 || path[end] != '\0') return NULL;
  for (struct device *device = board_devices; device != NULL; device = device->next)
    if (device->on_board && device->cdev && device->minor == minor) return device;
  return NULL;
}

static struct group *group_at(const char *path) {
  int id, end = 0;
  bool noiommu = strncmp(path, "/dev/vfio/noiommu-", 18) == 0;
  const char *format = noiommu ? "/dev/vfio/noiommu-%d%n" : "/dev/vfio/%d%n";
  if (sscanf(path, format, &id, &end) != 1 || path[end] != '\0') return NULL;
  for (struct group *group = board_groups; group != NULL; group = group->next)
    if (group->id == id && group->noiommu == noiommu && group->drivers > 0) return group;
  return NULL;
}

long board_open(const char *path, int flags) {
  struct device *device;
  struct group *group;
  if (strcmp(path, "/dev/vfio/vfio") == 0) return file_install(container_new(), "vfio:container", flags);
  if (strcmp(path, "/dev/iommu") == 0)
    return options.iommufd ? file_install(iommufd_new(), "vfio:iommufd", flags) : -ENOENT;
  if ((device = cdev_at(path)) != NULL) return device_open_cdev(device, flags);
  if ((group = group_at(path)) != NULL) return group_open(group, flags);
  return -ENOENT;
}

bool board_is_node(const char *path, dev_t *rdev) {
  struct device *device = cdev_at(path);
  if (device != NULL) *rdev = makedev(CDEV_MAJOR, (unsigned)device->minor);
  else if (strcmp(path, "/dev/vfio/vfio") == 0) *rdev = makedev(10, 196);
  else if (strcmp(path, "/dev/iommu") == 0 && options.iommufd) *rdev = makedev(10, 123);
  else if (group_at(path) != NULL) *rdev = makedev(CDEV_MAJOR - 1, (unsigned)group_at(path)->id);
  else return false;
  return true;
}

void device_free_if_idle(struct device *device) {
  if (device->on_board || device->files > 0) return;
  for (struct device **link = &board_devices; *link != NULL; link = &(*link)->next) {
    if (*link != device) continue;
    *link = device->next;
    break;
  }
  for (uint32_t i = 0; i < device->region_count; i++) {
    struct region *region = &device->regions[i];
    if (region->memory != NULL) RAW2(SYS_munmap, region->memory, (region->size + PLAYED_PAGE - 1) & ~(uint64_t)(PLAYED_PAGE - 1));
    if (region->memory_fd >= 0) RAW1(SYS_close, region->memory_fd);
  }
  if (device->group != NULL && device->bound) device->group->drivers--;
  free(device);
}

/** Nobody can open it any more; descriptors that are open work on. */
void board_remove(struct device *device) {
  if (!device->on_board) return;
  device->on_board = false;
  tree_remove_device(device);
  if (device->group != NULL && !device->bound) device->group->foreign_drivers--;
  device_free_if_idle(device);
}
