#include <stdlib.h>

#include "open.h"

static void check_mappings(int device) {
  enum { RW = PROT_READ | PROT_WRITE };
  FAILS(EINVAL, mmap(NULL, 4096, RW, MAP_PRIVATE, device, 0));
  FAILS(EINVAL, mmap(NULL, 8192, RW, MAP_SHARED, device, 0));
  FAILS(EINVAL, mmap(NULL, 4096, RW, MAP_SHARED, device, 1ll << 40));
  FAILS(EINVAL, mmap(NULL, 4096, RW, MAP_SHARED, device, 9ll << 40));
  volatile uint32_t *registers = mmap(NULL, 4096, RW, MAP_SHARED, device, 0);
  IS(1, (void *)registers != MAP_FAILED);
  command("poke dev 0 8 78563412");
  IS(0x12345678, registers[2]);
  registers[3] = 0xcafe;
  IS(0, strncmp(command("peek dev 0 12 4"), "feca0000", 8));
  // Where another mapping takes its place it is gone; where it moves it stays.
  char *room = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  registers = mremap((void *)registers, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4096);
  IS(0xcafe, registers[3]);
  IS(1, strstr(command("counters"), "\"mappings\":1") != NULL);
  mmap(room + 4096, 4096, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  IS(0, registers[3]);
  IS(1, strstr(command("counters"), "\"mappings\":0") != NULL);
  WORKS(munmap(room, 3 * 4096));
}

static void check_dma(int container) {
  struct { struct vfio_iommu_type1_info info; char room[256]; } answer = {{.argsz = 24}, {0}};
  WORKS(ioctl(container, VFIO_IOMMU_GET_INFO, &answer.info));
  IS(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, answer.info.flags);
  IS(0, answer.info.cap_offset);
  IS(1, answer.info.argsz > 24 && answer.info.argsz <= sizeof answer);
  WORKS(ioctl(container, VFIO_IOMMU_GET_INFO, &answer.info));
  IS(24, answer.info.cap_offset);
  char *ram = aligned_alloc(4096, 0x4000);
  memset(ram, 0, 0x4000);
  struct vfio_iommu_type1_dma_map map = {
      .argsz = sizeof map, .flags = 3, .vaddr = (uintptr_t)ram, .iova = 0x10000, .size = 0x2000};
  WORKS(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
  FAILS(EEXIST, ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
  map.iova = 0x20001;
  FAILS(EINVAL, ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
  map.iova = 0x20000, map.flags = 0;
  FAILS(EINVAL, ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
  map.flags = 3, map.vaddr = 0x1000;
  FAILS(EFAULT, ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
  command("dma-write dev 0x10ffe aabbcc");
  IS(0xbb, (unsigned char)ram[0xfff]);
  IS(0, strncmp(command("dma-read dev 0x11fff 2"), "fault", 5));
  struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof unmap, .iova = 0x10000, .size = 0x1000};
  FAILS(EINVAL, ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
  unmap.iova = 0, unmap.size = 0x100000;
  WORKS(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
  IS(0x2000, unmap.size);
  free(ram);
}

void check_memory(void) {
  command("device dev group=7 region=0x1000 region=0x200");
  struct opened o = open_device();
  check_mappings(o.device);
  check_dma(o.container);
  close_device(o);
}
