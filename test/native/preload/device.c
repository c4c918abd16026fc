/* An open VFIO device, reached through its group or through its own node. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "play.h"
#include "raw.h"

struct device_file {
  struct file file;
  struct device *device;
  /** The group that it was opened through; NULL for a cdev. */
  struct group *group;
  /** A bound cdev: the iommufd, and the device's id there. */
  struct file *iommufd;
  uint32_t id;
};

static const struct file_ops ops;

struct device *device_of(struct file *file) { return ((struct device_file *)file)->device; }

static void reset(struct device *device) {
  device->resets++;
}

/** The first user resets the device and requests its interrupts. */
static void first_open(struct device *device) {
  if (device->open_count++ > 0) return;
  for (uint32_t i = 0; i < device->line_count; i++) {
    line_shut_down(&device->lines[i]);
    device->lines[i].request_error = device->lines[i].next_request_error;
  }
  if (device->resettable) reset(device);
}

static void last_close(struct device *device) {
  if (--device->open_count > 0) return;
  if (device->resettable) reset(device);
  for (uint32_t i = 0; i < device->line_count; i++) line_shut_down(&device->lines[i]);
}

static long install(struct device *device, struct group *group, int flags) {
  struct device_file *file = calloc(1, sizeof *file);
  if (file == NULL) abort();
  *file = (struct device_file){{DEVICE, &ops, 1, 0}, device, group, NULL, 0};
  device->files++;
  return file_install(&file->file, "vfio:device", flags);
}

/** VFIO_GROUP_GET_DEVICE_FD; the descriptor is close-on-exec. */
long device_open_in_group(struct device *device, struct group *group, const char *name) {
  (void)name;
  if (group->container == NULL) return -EINVAL;
  if (device->open_count == 0) {
    long result = group_use_container(group);
    if (result < 0) return result;
  }
  first_open(device);
  return install(device, group, O_CLOEXEC);
}

/** Any number may be open; only one can be bound. */
long device_open_cdev(struct device *device, int flags) { return install(device, NULL, flags); }

static void release(struct file *base) {
  struct device_file *file = (struct device_file *)base;
  struct device *device = file->device;
  if (file->group != NULL) {
    last_close(device);
    if (device->open_count == 0) group_unuse_container(file->group);
  } else if (file->iommufd != NULL) {
    last_close(device);
    device->iommufd = NULL;
    iommufd_unbind(file->iommufd, file->id);
    device->group->cdev_users--;
  }
  free(file);
  device->files--;
  device_free_if_idle(device);
}

static long bind_iommufd(struct device_file *file, struct bind_iommufd *bind) {
  struct device *device = file->device;
  if (bind->argsz < sizeof *bind || bind->flags != 0 || bind->iommufd < 0) return -EINVAL;
  if (file->group != NULL || device->group == NULL) return -EINVAL;
  if (device->group->opened != NULL) return -EBUSY;
  if (file->iommufd != NULL) return -EINVAL;
  struct file *iommufd = file_of(bind->iommufd);
  if (iommufd == NULL) return RAW3(SYS_fcntl, bind->iommufd, F_GETFD, 0) == -EBADF ? -EBADF : -EBADFD;
  if (iommufd->kind != IOMMUFD) return -EBADFD;
  /* Only a group may open a device several times. */
  if (device->open_count > 0) return -EINVAL;
  long id = iommufd_bind(iommufd, device);
  if (id < 0) return id;
  device->group->cdev_users++;
  first_open(device);
  file->iommufd = device->iommufd = iommufd;
  file->id = device->iommufd_id = bind->out_devid = (uint32_t)id;
  return 0;
}

static long attach_pt(struct device_file *file, struct attach_pt *attach) {
  if (attach->argsz < sizeof *attach || attach->flags != 0) return -EINVAL;
  long id = iommufd_attach(file->iommufd, file->id, attach->pt_id);
  if (id < 0) return id;
  attach->pt_id = (uint32_t)id;
  return 0;
}

static long get_info(const struct device *device, struct device_info *info) {
  if (info->argsz < offsetof(struct device_info, cap_offset)) return -EINVAL;
  info->flags = strcmp(device->bus, "amba") == 0 ? DEVICE_AMBA : DEVICE_PLATFORM;
  if (device->resettable) info->flags |= DEVICE_RESET;
  info->num_regions = device->region_count;
  info->num_irqs = device->line_count;
  return 0;
}

static long get_region_info(const struct device *device, struct region_info *info) {
  if (info->argsz < sizeof *info || info->index >= device->region_count) return -EINVAL;
  const struct region *region = &device->regions[info->index];
  info->flags = region->flags;
  info->size = region->size;
  info->offset = (uint64_t)info->index << REGION_SHIFT;
  if (region->area_count == 0) return 0;
  uint32_t areas = region->area_count * (uint32_t)sizeof region->areas[0];
  uint32_t needed = sizeof *info + sizeof(struct sparse_mmap) + areas;
  info->flags |= REGION_CAPS;
  info->cap_offset = info->argsz < needed ? 0 : sizeof *info;
  if (info->argsz < needed) {
    info->argsz = needed;
    return 0;
  }
  struct sparse_mmap *sparse = (void *)(info + 1);
  sparse->header = (struct cap_header){CAP_SPARSE_MMAP, 1, 0};
  sparse->nr_areas = region->area_count;
  sparse->reserved = 0;
  memcpy(sparse->areas, region->areas, areas);
  return 0;
}

static long get_irq_info(const struct device *device, struct irq_info *info) {
  if (info->argsz < sizeof *info || info->index >= device->line_count) return -EINVAL;
  info->flags = IRQ_EVENTFD;
  if (device->lines[info->index].level) info->flags |= IRQ_MASKABLE | IRQ_AUTOMASKED;
  info->count = 1;
  return 0;
}

static long device_ioctl(struct file *base, unsigned request, void *argument) {
  struct device_file *file = (struct device_file *)base;
  struct device *device = file->device;
  if (device->gone) return -ENODEV;
  bool takes_struct = request != VFIO_DEVICE_RESET;
  if (takes_struct && argument == NULL) return -EFAULT;
  if (request == VFIO_DEVICE_BIND_IOMMUFD) return bind_iommufd(file, argument);
  if (file->group == NULL && file->iommufd == NULL) return -EINVAL;
  switch (request) {
    case VFIO_DEVICE_GET_INFO: return get_info(device, argument);
    case VFIO_DEVICE_GET_REGION_INFO: return get_region_info(device, argument);
    case VFIO_DEVICE_GET_IRQ_INFO: return get_irq_info(device, argument);
    case VFIO_DEVICE_SET_IRQS: return irq_set(device, argument);
    case VFIO_DEVICE_RESET:
      if (!device->resettable) return -EINVAL;
      reset(device);
      return 0;
    case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
      return file->iommufd == NULL ? -ENOTTY : attach_pt(file, argument);
    case VFIO_DEVICE_DETACH_IOMMUFD_PT: {
      const struct detach_pt *detach = argument;
      if (file->iommufd == NULL) return -ENOTTY;
      if (detach->argsz < sizeof *detach || detach->flags != 0) return -EINVAL;
      iommufd_detach(file->iommufd, file->id);
      return 0;
    }
    default: return -ENOTTY;
  }
}

/** The region that an offset of the device's descriptor is in, or NULL. */
static struct region *region_at(struct device_file *file, uint64_t offset) {
  uint64_t index = offset >> REGION_SHIFT;
  if (file->group == NULL && file->iommufd == NULL) return NULL;
  return index < file->device->region_count ? &file->device->regions[index] : NULL;
}

static uint64_t within(uint64_t offset) { return offset & ((1ull << REGION_SHIFT) - 1); }

/** The kernel's loop: four bytes where aligned, else two, else one; it stops at the region's end. */
static size_t copy(volatile uint8_t *device, uint8_t *user, size_t count, uint64_t at, bool reads) {
  for (size_t done = 0; done < count;) {
    size_t left = count - done, step = left >= 4 && (at + done) % 4 == 0   ? 4
                                       : left >= 2 && (at + done) % 2 == 0 ? 2
                                                                           : 1;
    volatile uint8_t *there = device + at + done;
    uint8_t *here = user + done;
    uint32_t four;
    uint16_t two;
    if (step == 4) {
      if (reads) four = *(volatile uint32_t *)there, memcpy(here, &four, 4);
      else memcpy(&four, here, 4), *(volatile uint32_t *)there = four;
    } else if (step == 2) {
      if (reads) two = *(volatile uint16_t *)there, memcpy(here, &two, 2);
      else memcpy(&two, here, 2), *(volatile uint16_t *)there = two;
    } else if (reads) *here = *there;
    else *there = *here;
    done += step;
  }
  return count;
}

static long transfer(struct file *base, void *user, size_t length, uint64_t offset, bool reads) {
  struct device_file *file = (struct device_file *)base;
  if (file->device->gone) return -ENODEV;
  struct region *region = region_at(file, offset);
  if (region == NULL) return -EINVAL;
  if ((region->flags & (reads ? REGION_READ : REGION_WRITE)) == 0) return -EINVAL;
  uint64_t at = within(offset);
  if (at >= region->size) return -EINVAL;
  size_t count = length < region->size - at ? length : (size_t)(region->size - at);
  if (count > 0 && !user_memory((uintptr_t)user, count)) return -EFAULT;
  return (long)copy(region->memory, user, count, at, reads);
}

static long device_read(struct file *file, void *to, size_t length, uint64_t offset) {
  return transfer(file, to, length, offset, true);
}

static long device_write(struct file *file, const void *from, size_t length, uint64_t offset) {
  return transfer(file, (void *)from, length, offset, false);
}

static bool in_one_area(const struct region *region, uint64_t start, uint64_t length) {
  if (region->area_count == 0) return true;
  for (uint32_t i = 0; i < region->area_count; i++) {
    const struct sparse_area *area = &region->areas[i];
    if (area->offset <= start && start + length <= area->offset + area->size) return true;
  }
  return false;
}

/** vfio_platform_mmap: the pages shown are those of the region's memfd. */
long device_mmap(struct file *base, void *address, size_t length, int prot, int flags, uint64_t offset) {
  struct device_file *file = (struct device_file *)base;
  if (file->device->gone) return -ENODEV;
  uint64_t pages = ((uint64_t)length + PLAYED_PAGE - 1) & ~(uint64_t)(PLAYED_PAGE - 1);
  uint64_t start = within(offset);
  struct region *region = region_at(file, offset);
  if (region == NULL || length == 0 || start % PLAYED_PAGE != 0) return -EINVAL;
  int type = flags & MAP_TYPE;
  if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE) return -EINVAL;
  if ((region->flags & REGION_MMAP) == 0) return -EINVAL;
  if ((prot & PROT_READ) != 0 && (region->flags & REGION_READ) == 0) return -EINVAL;
  if ((prot & PROT_WRITE) != 0 && (region->flags & REGION_WRITE) == 0) return -EINVAL;
  if (region->size < PLAYED_PAGE || start + pages > region->size) return -EINVAL;
  if (!in_one_area(region, start, pages)) return -EINVAL;
  long result = RAW(SYS_mmap, address, length, prot, flags, region->memory_fd, start);
  if (result < 0 && result >= -4095) return result;
  mapping_drop((uint64_t)result, pages);
  mapping_add((uint64_t)result, pages, base);
  return result;
}

static const struct file_ops ops = {
    .ioctl = device_ioctl, .read = device_read, .write = device_write, .release = release};
