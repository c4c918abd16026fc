/* open, close, dup, ioctl, read, write and their kin. */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "interpose.h"

static long play_open(int directory, const char *path, int flags, mode_t mode) {
  char real[MAX_PATH];
  if (path != NULL && strcmp(path, CONTROL_PATH) == 0) {
    lock();
    long fd = file_install(control_new(), "vfio:control", flags);
    unlock();
    return fd;
  }
  if (!tree_rewrite(path, real)) return RAW4(SYS_openat, directory, path, flags, mode);
  if (path[1] == 's' || (flags & O_DIRECTORY) != 0)
    return RAW4(SYS_openat, directory, real, flags, mode);
  lock();
  long fd = fault_strike(CALL_OPEN, path, NULL);
  if (fd == 0) {
    fd = board_open(path, flags);
    fault_log(CALL_OPEN, 0, path, fd);
  }
  unlock();
  return fd;
}

#define MODE(last)                                     \
  mode_t mode = 0;                                     \
  if ((flags & (O_CREAT | __O_TMPFILE)) != 0) {        \
    va_list list;                                      \
    va_start(list, last);                              \
    mode = (mode_t)va_arg(list, unsigned);             \
    va_end(list);                                      \
  }

EXPORT int open(const char *path, int flags, ...) {
  MODE(flags)
  return (int)answer(play_open(AT_FDCWD, path, flags, mode));
}
EXPORT int open64(const char *path, int flags, ...) {
  MODE(flags)
  return (int)answer(play_open(AT_FDCWD, path, flags, mode));
}
EXPORT int openat(int directory, const char *path, int flags, ...) {
  MODE(flags)
  return (int)answer(play_open(directory, path, flags, mode));
}
EXPORT int openat64(int directory, const char *path, int flags, ...) {
  MODE(flags)
  return (int)answer(play_open(directory, path, flags, mode));
}
EXPORT int __open_2(const char *path, int flags) {
  return (int)answer(play_open(AT_FDCWD, path, flags, 0));
}
EXPORT int __open64_2(const char *path, int flags) {
  return (int)answer(play_open(AT_FDCWD, path, flags, 0));
}

EXPORT int close(int fd) {
  struct file *file = file_of(fd);
  if (file == NULL) return (int)answer(RAW1(SYS_close, fd));
  lock();
  /* Linux closes in any case. */
  long failure = file->kind == CONTROL ? 0 : fault_strike(CALL_CLOSE, NULL, NULL);
  if (failure == 0 && file->kind != CONTROL) fault_log(CALL_CLOSE, 0, NULL, 0);
  file_detach(fd);
  long result = RAW1(SYS_close, fd);
  unlock();
  return (int)answer(failure < 0 ? failure : result);
}

/** `to` refers to what `from` does. */
static long duplicated(int from, long to) {
  if (to < 0 || (file_of(from) == NULL && file_of((int)to) == NULL)) return to;
  lock();
  struct file *file = file_of(from);
  if (file != NULL) file_attach(file, (int)to);
  else file_detach((int)to);
  unlock();
  return to;
}

EXPORT int dup(int fd) { return (int)answer(duplicated(fd, RAW1(SYS_dup, fd))); }
EXPORT int dup2(int from, int to) {
  if (from == to) return (int)answer(RAW3(SYS_fcntl, from, F_GETFD, 0) < 0 ? -EBADF : to);
  return (int)answer(duplicated(from, RAW3(SYS_dup3, from, to, 0)));
}
EXPORT int dup3(int from, int to, int flags) {
  return (int)answer(duplicated(from, RAW3(SYS_dup3, from, to, flags)));
}

static long play_fcntl(int fd, int command, void *argument) {
  long result = RAW3(SYS_fcntl, fd, command, argument);
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return duplicated(fd, result);
  return result;
}

#define ARGUMENT(last)                   \
  va_list list;                          \
  va_start(list, last);                  \
  void *argument = va_arg(list, void *); \
  va_end(list);

EXPORT int fcntl(int fd, int command, ...) {
  ARGUMENT(command)
  return (int)answer(play_fcntl(fd, command, argument));
}
EXPORT int fcntl64(int fd, int command, ...) {
  ARGUMENT(command)
  return (int)answer(play_fcntl(fd, command, argument));
}

static bool is_played(unsigned long request) { return request >> 8 == ';'; }

static bool is_unmask(unsigned request, const void *argument) {
  const struct irq_set *set = argument;
  return request == VFIO_DEVICE_SET_IRQS && set != NULL && set->flags == (SET_UNMASK | SET_NONE);
}

static long play_ioctl(struct file *file, unsigned request, void *argument) {
  lock();
  long result = fault_strike_ioctl(request, argument);
  if (result == 0) {
    result = file->ops->ioctl == NULL ? -ENOTTY : file->ops->ioctl(file, request, argument);
    fault_log(CALL_IOCTL, request, NULL, result);
  }
  unlock();
  return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
  ARGUMENT(request)
  struct file *file = file_of(fd);
  if (file == NULL || !is_played(request) || file->kind == EVENTFD)
    return (int)answer(RAW3(SYS_ioctl, fd, request, argument));
  long result = play_ioctl(file, (unsigned)request, argument);
  if (options.pass_through && is_unmask((unsigned)request, argument)) {
    int available;
    RAW3(SYS_ioctl, fd, FIONREAD, &available);
  }
  return (int)answer(result);
}

/** Positioned transfers of devices and of the control file. */
static long transfer(struct file *file, enum call call, void *bytes, size_t length, uint64_t offset) {
  bool reads = call == CALL_PREAD || call == CALL_READ;
  long result = 0;
  lock();
  if (file->kind != CONTROL) result = fault_strike(call, NULL, &length);
  if (result == 0) {
    if (reads) result = file->ops->read == NULL ? -EINVAL : file->ops->read(file, bytes, length, offset);
    else result = file->ops->write == NULL ? -EINVAL : file->ops->write(file, bytes, length, offset);
    if (file->kind != CONTROL) fault_log(call, 0, NULL, result);
  }
  unlock();
  return result;
}

/** Only of eventfds that a line has: the others are Node's, which does not bear failures. */
static long strike(enum call call, struct file *file) {
  if (file == NULL || !fault_watching() || file->references == file->descriptors) return 0;
  lock();
  long result = fault_strike(call, NULL, NULL);
  if (result == 0) fault_log(call, 0, NULL, 0);
  unlock();
  return result;
}

EXPORT ssize_t read(int fd, void *to, size_t length) {
  struct file *file = file_of(fd);
  if (file != NULL && file->kind != EVENTFD) return answer(transfer(file, CALL_READ, to, length, 0));
  long failure = strike(CALL_READ, file);
  return answer(failure < 0 ? failure : RAW3(SYS_read, fd, to, length));
}
EXPORT ssize_t __read_chk(int fd, void *to, size_t length, size_t room) {
  return read(fd, to, length < room ? length : room);
}

EXPORT ssize_t write(int fd, const void *from, size_t length) {
  struct file *file = file_of(fd);
  if (file != NULL && file->kind != EVENTFD)
    return answer(transfer(file, CALL_WRITE, (void *)from, length, 0));
  long failure = strike(CALL_WRITE, file);
  long result = failure < 0 ? failure : RAW3(SYS_write, fd, from, length);
  if (file != NULL && result > 0 && counters.virqfds > 0) {
    lock();
    if (file_of(fd) == file) virqfd_run((struct eventfd *)file);
    unlock();
  }
  return answer(result);
}

static ssize_t play_pread(int fd, void *to, size_t length, uint64_t offset) {
  struct file *file = file_of(fd);
  if (file == NULL || file->kind == EVENTFD) return answer(RAW4(SYS_pread64, fd, to, length, offset));
  return answer(transfer(file, CALL_PREAD, to, length, offset));
}
EXPORT ssize_t pread(int fd, void *to, size_t length, off_t offset) {
  return play_pread(fd, to, length, (uint64_t)offset);
}
EXPORT ssize_t pread64(int fd, void *to, size_t length, off64_t offset) {
  return play_pread(fd, to, length, (uint64_t)offset);
}
EXPORT ssize_t __pread_chk(int fd, void *to, size_t length, off_t offset, size_t room) {
  return play_pread(fd, to, length < room ? length : room, (uint64_t)offset);
}
EXPORT ssize_t __pread64_chk(int fd, void *to, size_t length, off64_t offset, size_t room) {
  return play_pread(fd, to, length < room ? length : room, (uint64_t)offset);
}

static ssize_t play_pwrite(int fd, const void *from, size_t length, uint64_t offset) {
  struct file *file = file_of(fd);
  if (file == NULL || file->kind == EVENTFD) return answer(RAW4(SYS_pwrite64, fd, from, length, offset));
  return answer(transfer(file, CALL_PWRITE, (void *)from, length, offset));
}
EXPORT ssize_t pwrite(int fd, const void *from, size_t length, off_t offset) {
  return play_pwrite(fd, from, length, (uint64_t)offset);
}
EXPORT ssize_t pwrite64(int fd, const void *from, size_t length, off64_t offset) {
  return play_pwrite(fd, from, length, (uint64_t)offset);
}
