/* mmap and munmap: device regions are shown, and what goes away is noticed. */
#include <sys/mman.h>

#include "interpose.h"

/** Anything else that takes the place of a device's pages. */
static long replace(void *address, size_t length, int prot, int flags, int fd, off64_t offset) {
  lock();
  long result = 0;
  bool shown = mapping_overlaps((uint64_t)(uintptr_t)address, length);
  if (shown) result = fault_strike(CALL_MUNMAP, 0, NULL, NULL);
  if (result == 0) {
    result = RAW(SYS_mmap, address, length, prot, flags, fd, offset);
    if (result > 0 || result < -4095) mapping_drop((uint64_t)result, length);
    if (shown) fault_log(CALL_MUNMAP, 0, NULL, 0);
  }
  unlock();
  return result;
}

static long play_mmap(void *address, size_t length, int prot, int flags, int fd, off64_t offset) {
  struct file *file = (flags & MAP_ANONYMOUS) != 0 ? NULL : file_of(fd);
  if (file == NULL || file->kind == EVENTFD) {
    if ((flags & MAP_FIXED) != 0 && mapping_any())
      return replace(address, length, prot, flags, fd, offset);
    return RAW(SYS_mmap, address, length, prot, flags, fd, offset);
  }
  lock();
  long result = fault_strike(CALL_MMAP, 0, NULL, NULL);
  if (result == 0) {
    result = file->kind == DEVICE ? device_mmap(file, address, length, prot, flags, (uint64_t)offset)
                                  : -ENODEV;
    fault_log(CALL_MMAP, 0, NULL, result < 0 && result >= -4095 ? result : 0);
  }
  unlock();
  return result;
}

EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset) {
  return (void *)answer(play_mmap(address, length, prot, flags, fd, offset));
}
EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset) {
  return (void *)answer(play_mmap(address, length, prot, flags, fd, offset));
}

EXPORT int munmap(void *address, size_t length) {
  if (!mapping_any()) return (int)answer(RAW2(SYS_munmap, address, length));
  lock();
  long result = 0;
  bool shown = mapping_overlaps((uint64_t)(uintptr_t)address, length);
  if (shown) result = fault_strike(CALL_MUNMAP, 0, NULL, NULL);
  if (result == 0) {
    result = RAW2(SYS_munmap, address, length);
    if (result == 0) mapping_drop((uint64_t)(uintptr_t)address, length);
    if (shown) fault_log(CALL_MUNMAP, 0, NULL, result);
  }
  unlock();
  return (int)answer(result);
}
