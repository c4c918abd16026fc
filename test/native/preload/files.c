/* Open files of the played kernel, and which descriptors refer to them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>

#include "play.h"
#include "raw.h"

pthread_mutex_t play_lock = PTHREAD_MUTEX_INITIALIZER;
struct counters counters;

static _Atomic(struct file *) table[MAX_FDS];

struct file *file_of(int fd) {
  return fd < 0 || fd >= MAX_FDS ? NULL : atomic_load_explicit(&table[fd], memory_order_acquire);
}

void file_hold(struct file *file) { file->references++; }

void file_put(struct file *file) {
  if (--file->references == 0) file->ops->release(file);
}

static void count(const struct file *file, long change) {
  if (file->kind == EVENTFD) counters.eventfds += change;
  else if (file->kind != CONTROL) counters.fds += change;
}

void file_attach(struct file *file, int fd) {
  if (fd < 0 || fd >= MAX_FDS) return;
  file_detach(fd);
  file_hold(file);
  file->descriptors++;
  count(file, 1);
  atomic_store_explicit(&table[fd], file, memory_order_release);
}

void file_detach(int fd) {
  struct file *file = file_of(fd);
  if (file == NULL) return;
  atomic_store_explicit(&table[fd], NULL, memory_order_release);
  file->descriptors--;
  count(file, -1);
  if (file->kind == EVENTFD && file->descriptors == 0) eventfd_abandoned((struct eventfd *)file);
  file_put(file);
}

/** A memfd stands for the file, so that the process's own tables show it. */
long file_install(struct file *file, const char *name, int flags) {
  long fd = RAW2(SYS_memfd_create, name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  if (fd >= MAX_FDS) {
    RAW1(SYS_close, fd);
    fd = -EMFILE;
  }
  if (fd >= 0) file_attach(file, (int)fd);
  file_put(file);
  return fd;
}

int file_descriptor(const struct file *file) {
  for (int fd = 0; file->descriptors > 0 && fd < MAX_FDS; fd++)
    if (file_of(fd) == file) return fd;
  return -1;
}
