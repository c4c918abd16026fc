/* VFIO cdev and iommufd; the headers of Linux 6.1 do not have them. */
#include "open.h"

#define BIND _IO(';', 118)
#define ATTACH _IO(';', 119)
#define DETACH _IO(';', 120)
#define IOAS_ALLOC _IO(';', 0x81)
#define RANGES _IO(';', 0x84)
#define MAP _IO(';', 0x85)
#define UNMAP _IO(';', 0x86)
#define DESTROY _IO(';', 0x80)

struct bind { uint32_t argsz, flags; int32_t iommufd; uint32_t devid; };
struct attach { uint32_t argsz, flags, pt_id; };
struct alloc { uint32_t size, flags, id; };
struct ranges { uint32_t size, ioas, count, reserved; uint64_t iovas, alignment; };
struct map { uint32_t size, flags, ioas, reserved; uint64_t va, length, iova; };
struct unmap { uint32_t size, ioas; uint64_t iova, length; };

static int the_cdev(const char *described) {
  char path[64];
  int minor;
  if (sscanf(described, "{\"group\":7,\"cdev\":%d}", &minor) != 1) return -1;
  snprintf(path, sizeof path, "/dev/vfio/devices/vfio%d", minor);
  return open(path, O_RDWR);
}

void check_iommufd(void) {
  int device = the_cdev(command("device dev group=7 region=0x1000 irq=level"));
  int iommu = open("/dev/iommu", O_RDWR);
  struct vfio_device_info info = {.argsz = 20};
  FAILS(EINVAL, ioctl(device, VFIO_DEVICE_GET_INFO, &info));
  struct bind bind = {.argsz = sizeof bind, .iommufd = device};
  FAILS(EBADFD, ioctl(device, BIND, &bind));
  bind.iommufd = iommu;
  WORKS(ioctl(device, BIND, &bind));
  FAILS(EINVAL, ioctl(device, BIND, &bind));
  FAILS(EBUSY, open("/dev/vfio/7", O_RDWR));
  WORKS(ioctl(device, VFIO_DEVICE_GET_INFO, &info));
  struct alloc ioas = {.size = sizeof ioas};
  WORKS(ioctl(iommu, IOAS_ALLOC, &ioas));
  struct attach attach = {.argsz = sizeof attach, .pt_id = 77};
  FAILS(ENOENT, ioctl(device, ATTACH, &attach));
  attach.pt_id = ioas.id;
  WORKS(ioctl(device, ATTACH, &attach));
  uint64_t iovas[4] = {0};
  struct ranges ranges = {.size = sizeof ranges, .ioas = ioas.id, .iovas = (uintptr_t)iovas};
  FAILS(EMSGSIZE, ioctl(iommu, RANGES, &ranges));
  IS(2, ranges.count);
  WORKS(ioctl(iommu, RANGES, &ranges));
  IS(0x8100000, iovas[2]);
  static char ram[0x3000];
  uint64_t at = ((uintptr_t)ram + 0xfff) & ~0xfffull;
  struct map map = {.size = sizeof map, .flags = 7, .ioas = ioas.id, .va = at, .length = 0x1000, .iova = 0x5000};
  WORKS(ioctl(iommu, MAP, &map));
  FAILS(EEXIST, ioctl(iommu, MAP, &map));
  map.iova = 0x8000000;
  FAILS(EINVAL, ioctl(iommu, MAP, &map));
  command("dma-write dev 0x5001 42");
  IS(0x42, *(char *)(at + 1));
  uint32_t destroy[2] = {8, ioas.id};
  FAILS(EBUSY, ioctl(iommu, DESTROY, destroy));
  struct unmap unmap = {.size = sizeof unmap, .ioas = ioas.id, .iova = 0x6000, .length = 0x1000};
  FAILS(ENOENT, ioctl(iommu, UNMAP, &unmap));
  unmap.iova = 0x5000;
  WORKS(ioctl(iommu, UNMAP, &unmap));
  struct attach detach = {.argsz = 8};
  WORKS(ioctl(device, DETACH, &detach));
  WORKS(ioctl(iommu, DESTROY, destroy));
  WORKS(close(iommu));
  WORKS(close(device));
}
