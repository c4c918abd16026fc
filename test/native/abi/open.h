#ifndef ABI_OPEN_H
#define ABI_OPEN_H

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

struct opened { int group, container, device; };

/** The device 'dev' of group 7, opened through its group. */
static inline struct opened open_device(void) {
  struct opened o = {open("/dev/vfio/7", O_RDWR), open("/dev/vfio/vfio", O_RDWR), -1};
  WORKS(ioctl(o.group, VFIO_GROUP_SET_CONTAINER, &o.container));
  WORKS(ioctl(o.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
  o.device = ioctl(o.group, VFIO_GROUP_GET_DEVICE_FD, "dev");
  WORKS(o.device);
  return o;
}

static inline void close_device(struct opened o) {
  WORKS(close(o.device));
  WORKS(close(o.group));
  WORKS(close(o.container));
}

#endif
