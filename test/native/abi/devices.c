#include "open.h"

static void check_info(int device) {
  struct vfio_device_info info = {.argsz = 20};
  WORKS(ioctl(device, VFIO_DEVICE_GET_INFO, &info));
  IS(VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET, info.flags);
  IS(3, info.num_regions);
  IS(2, info.num_irqs);
  info.argsz = 12;
  FAILS(EINVAL, ioctl(device, VFIO_DEVICE_GET_INFO, &info));
  struct vfio_region_info region = {.argsz = sizeof region, .index = 1};
  WORKS(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
  IS(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, region.flags);
  IS(0x200, region.size);
  IS(1ll << 40, region.offset);
  region.index = 3;
  FAILS(EINVAL, ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
  region = (struct vfio_region_info){.argsz = 31};
  FAILS(EINVAL, ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
  struct vfio_irq_info irq = {.argsz = sizeof irq, .index = 1};
  WORKS(ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
  IS(VFIO_IRQ_INFO_EVENTFD, irq.flags);
  irq.index = 0;
  WORKS(ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
  IS(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED, irq.flags);
  IS(1, irq.count);
  FAILS(ENOTTY, ioctl(device, VFIO_DEVICE_FEATURE, &irq));
}

/** A region with areas tells how much room they need, then where they are. */
static void check_sparse(int device) {
  char room[128] = {0};
  struct vfio_region_info *region = (void *)room;
  *region = (struct vfio_region_info){.argsz = sizeof *region, .index = 2};
  WORKS(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, region));
  IS(0, region->cap_offset);
  IS(sizeof *region + 16 + 2 * 16, region->argsz);
  WORKS(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, region));
  struct vfio_region_info_cap_sparse_mmap *sparse = (void *)(room + region->cap_offset);
  IS(VFIO_REGION_INFO_CAP_SPARSE_MMAP, sparse->header.id);
  IS(2, sparse->nr_areas);
  IS(0x2000, sparse->areas[1].offset);
}

static void check_transfers(int device) {
  uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8] = {0};
  IS(8, pwrite(device, bytes, 8, 0x10));
  IS(8, pread(device, back, 8, 0x10));
  IS(0, memcmp(bytes, back, 8));
  IS(4, pread(device, back, 8, 0xffc));
  IS(2, pwrite(device, bytes, 8, (1ll << 40) + 0x1fe));
  FAILS(EINVAL, pread(device, back, 4, 0x1000));
  FAILS(EINVAL, pread(device, back, 4, 3ll << 40));
  void *volatile nowhere = (void *)8;
  FAILS(EFAULT, pread(device, nowhere, 4, 0));
  IS(3, pwrite(device, bytes, 3, 0x21));
  IS(3, pread(device, back, 3, 0x21));
  IS(0, memcmp(bytes, back, 3));
  IS(8, read(device, back, 8));
}

void check_devices(void) {
  command("device dev group=7 region=0x1000 region=0x200 "
          "region=0x3000:rwm:0+0x1000,0x2000+0x1000 irq=level irq=edge");
  struct opened o = open_device();
  FAILS(ENODEV, ioctl(o.group, VFIO_GROUP_GET_DEVICE_FD, "other"));
  check_info(o.device);
  check_sparse(o.device);
  check_transfers(o.device);
  WORKS(ioctl(o.device, VFIO_DEVICE_RESET));
  // A second user of the same device; the group stays in use until the last.
  int again = ioctl(o.group, VFIO_GROUP_GET_DEVICE_FD, "dev");
  WORKS(close(o.device));
  FAILS(EBUSY, ioctl(o.group, VFIO_GROUP_UNSET_CONTAINER));
  WORKS(close(again));
  WORKS(ioctl(o.group, VFIO_GROUP_UNSET_CONTAINER));
  WORKS(close(o.group));
  WORKS(close(o.container));
  command("remove dev");
  command("device dev group=7 noreset region=0x1000");
  o = open_device();
  FAILS(EINVAL, ioctl(o.device, VFIO_DEVICE_RESET));
  command("vanish dev");
  struct vfio_device_info info = {.argsz = 20};
  FAILS(ENODEV, ioctl(o.device, VFIO_DEVICE_GET_INFO, &info));
  FAILS(ENODEV, pread(o.device, &info, 4, 0));
  close_device(o);
}
