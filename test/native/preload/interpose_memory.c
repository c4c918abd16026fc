/* mmap, munmap, mremap: device regions are shown, and what goes away is noticed. */
#include <stdarg.h>
#include <sys/mman.h>

#include "interpose.h"

/** Anything else that takes the place of a device's pages. */
static long replace(void *address, size_t length, int prot, int flags, int fd, off64_t offset) {
  lock();
  long result = 0;
  bool shown = mapping_overlaps((uint64_t)(uintptr_t)address, length);
  if (shown) result = fault_strike(CALL_MUNMAP, NULL, NULL);
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
  long result = fault_strike(CALL_MMAP, NULL, NULL);
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
  if (shown) result = fault_strike(CALL_MUNMAP, NULL, NULL);
  if (result == 0) {
    result = RAW2(SYS_munmap, address, length);
    if (result == 0) mapping_drop((uint64_t)(uintptr_t)address, length);
    if (shown) fault_log(CALL_MUNMAP, 0, NULL, result);
  }
  unlock();
  return (int)answer(result);
}

static long play_mremap(void *from, size_t before, size_t after, int flags, void *to) {
  if (!mapping_any()) return RAW(SYS_mremap, from, before, after, flags, to, 0);
  uint64_t start = (uint64_t)(uintptr_t)from, target = (uint64_t)(uintptr_t)to;
  bool fixed = (flags & MREMAP_FIXED) != 0;
  lock();
  long result = 0;
  bool shown = mapping_overlaps(start, before) || (fixed && mapping_overlaps(target, after));
  if (shown) result = fault_strike(CALL_MREMAP, NULL, NULL);
  if (result == 0) {
    result = RAW(SYS_mremap, from, before, after, flags, to, 0);
    if (result > 0) {
      if (fixed) mapping_drop(target, after);
      mapping_move(start, before, (uint64_t)result);
      if ((uint64_t)result != start) space_note_unmapped(start, before);
    }
    if (shown) fault_log(CALL_MREMAP, 0, NULL, result < 0 ? result : 0);
  }
  unlock();
  return result;
}

EXPORT void *mremap(void *from, size_t before, size_t after, int flags, ...) {
  void *to = NULL;
  if ((flags & MREMAP_FIXED) != 0) {
    va_list list;
    va_start(list, flags);
    to = va_arg(list, void *);
    va_end(list);
  }
  return (void *)answer(play_mremap(from, before, after, flags, to));
}
