#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "open.h"

void check_files(void) {
  command("device dev group=7 region=0x1000 irq=level");
  command("device shy group=8 hostdriver=somebody");
  command("device pal group=8 region=0x1000");
  struct vfio_group_status status = {.argsz = sizeof status};
  FAILS(ENOENT, open("/dev/vfio/9", O_RDWR));
  int group = open("/dev/vfio/7", O_RDWR), container = open("/dev/vfio/vfio", O_RDWR);
  FAILS(EBUSY, open("/dev/vfio/7", O_RDWR));
  int copy = dup(group);
  WORKS(close(group));
  FAILS(EBUSY, open("/dev/vfio/7", O_RDWR));
  WORKS(ioctl(copy, VFIO_GROUP_GET_STATUS, &status));
  IS(VFIO_GROUP_FLAGS_VIABLE, status.flags);
  status.argsz = 4;
  FAILS(EINVAL, ioctl(copy, VFIO_GROUP_GET_STATUS, &status));
  FAILS(EFAULT, ioctl(copy, VFIO_GROUP_GET_STATUS, NULL));
  FAILS(ENOTTY, ioctl(copy, VFIO_GET_API_VERSION));
  IS(VFIO_API_VERSION, ioctl(container, VFIO_GET_API_VERSION));
  IS(1, ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
  IS(0, ioctl(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU));
  FAILS(EINVAL, ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
  FAILS(EINVAL, ioctl(container, VFIO_IOMMU_GET_INFO, &status));
  int nothing = open("/dev/null", O_RDWR), bad = 4000;
  FAILS(EBADFD, ioctl(copy, VFIO_GROUP_SET_CONTAINER, &nothing));
  FAILS(EBADF, ioctl(copy, VFIO_GROUP_SET_CONTAINER, &bad));
  FAILS(EINVAL, ioctl(copy, VFIO_GROUP_UNSET_CONTAINER));
  WORKS(ioctl(copy, VFIO_GROUP_SET_CONTAINER, &container));
  FAILS(EINVAL, ioctl(copy, VFIO_GROUP_SET_CONTAINER, &container));
  FAILS(ENODEV, ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
  WORKS(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
  WORKS(ioctl(copy, VFIO_GROUP_UNSET_CONTAINER));
  WORKS(close(copy));
  WORKS(close(nothing));
  // A group with a foreign driver is not viable, and joins nothing.
  group = open("/dev/vfio/8", O_RDWR);
  status.argsz = sizeof status;
  WORKS(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
  IS(0, status.flags);
  FAILS(EPERM, ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
  WORKS(close(group));
  WORKS(close(container));
  struct stat node;
  WORKS(stat("/dev/vfio/vfio", &node));
  IS(1, S_ISCHR(node.st_mode) && major(node.st_rdev) == 10);
}
