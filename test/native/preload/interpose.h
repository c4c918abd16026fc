/* What the wrappers of libc functions share. */
#ifndef VFIO_PLAY_INTERPOSE_H
#define VFIO_PLAY_INTERPOSE_H

#include <dlfcn.h>
#include <errno.h>

#include "play.h"
#include "raw.h"

#define EXPORT __attribute__((visibility("default")))

/** The libc way of returning a kernel's result. */
static inline long answer(long result) {
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}

static inline void lock(void) { pthread_mutex_lock(&play_lock); }
static inline void unlock(void) { pthread_mutex_unlock(&play_lock); }

#endif
