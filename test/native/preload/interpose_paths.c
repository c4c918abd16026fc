/* Looking at /sys and /dev: stat, readlink, realpath, directories. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "interpose.h"

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/** The device number that a path or, without one, a descriptor has in the played kernel. */
static bool node_of(int fd, const char *path, dev_t *rdev) {
  bool found = false;
  struct file *file = path == NULL || path[0] == '\0' ? file_of(fd) : NULL;
  if (file == NULL && (path == NULL || strncmp(path, "/dev/", 5) != 0)) return false;
  lock();
  if (file == NULL) found = board_is_node(path, rdev);
  else if (file->kind == DEVICE) {
    struct device *device = device_of(file);
    *rdev = makedev(CDEV_MAJOR, (unsigned)device->minor);
    found = device->cdev;
  } else if (file->kind == CONTAINER || file->kind == IOMMUFD || file->kind == GROUP) {
    *rdev = makedev(10, 0);
    found = true;
  }
  unlock();
  return found;
}

static long play_stat(int directory, const char *path, struct stat *into, int flags) {
  char real[MAX_PATH];
  dev_t rdev;
  const char *where = tree_rewrite(path, real) ? real : path;
  long result = RAW4(SYS_newfstatat, directory, where, into, flags);
  if (result == 0 && node_of(directory, path, &rdev)) {
    into->st_mode = S_IFCHR | 0600;
    into->st_rdev = rdev;
  }
  return result;
}

static long play_statx(int directory, const char *path, int flags, unsigned mask, struct statx *into) {
  char real[MAX_PATH];
  dev_t rdev;
  const char *where = tree_rewrite(path, real) ? real : path;
  long result = RAW(SYS_statx, directory, where, flags, mask, into, 0);
  if (result == 0 && node_of(directory, path, &rdev)) {
    into->stx_mode = S_IFCHR | 0600;
    into->stx_rdev_major = major(rdev);
    into->stx_rdev_minor = minor(rdev);
  }
  return result;
}

EXPORT int fstat(int fd, struct stat *into) { return (int)answer(play_stat(fd, "", into, AT_EMPTY_PATH)); }
EXPORT int fstat64(int fd, struct stat64 *into) { return fstat(fd, (struct stat *)into); }
EXPORT int stat(const char *path, struct stat *into) { return (int)answer(play_stat(AT_FDCWD, path, into, 0)); }
EXPORT int stat64(const char *path, struct stat64 *into) { return stat(path, (struct stat *)into); }
EXPORT int lstat(const char *path, struct stat *into) {
  return (int)answer(play_stat(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW));
}
EXPORT int lstat64(const char *path, struct stat64 *into) { return lstat(path, (struct stat *)into); }
/* The names that programs built against glibc before 2.33 use. */
EXPORT int __fxstat(int version, int fd, struct stat *into) { (void)version; return fstat(fd, into); }
EXPORT int __fxstat64(int version, int fd, struct stat64 *into) { (void)version; return fstat64(fd, into); }
EXPORT int __xstat(int version, const char *path, struct stat *into) { (void)version; return stat(path, into); }
EXPORT int __xstat64(int version, const char *path, struct stat64 *into) { (void)version; return stat64(path, into); }
EXPORT int __lxstat(int version, const char *path, struct stat *into) { (void)version; return lstat(path, into); }
EXPORT int __lxstat64(int version, const char *path, struct stat64 *into) { (void)version; return lstat64(path, into); }
EXPORT int statx(int directory, const char *restrict path, int flags, unsigned mask, struct statx *restrict into) {
  return (int)answer(play_statx(directory, path, flags, mask, into));
}

/** libuv calls statx and close this way. */
EXPORT long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  if (number == SYS_statx)
    return answer(play_statx((int)a, (const char *)b, (int)c, (unsigned)d, (struct statx *)e));
  if (number == SYS_close) return close((int)a);
  return answer(raw6(number, a, b, c, d, e, f));
}

EXPORT int access(const char *path, int mode) {
  char real[MAX_PATH];
  return (int)answer(RAW3(SYS_faccessat, AT_FDCWD, tree_rewrite(path, real) ? real : path, mode));
}

EXPORT ssize_t readlink(const char *restrict path, char *restrict into, size_t size) {
  char real[MAX_PATH];
  return answer(RAW4(SYS_readlinkat, AT_FDCWD, tree_rewrite(path, real) ? real : path, into, size));
}

EXPORT char *realpath(const char *restrict path, char *restrict into) {
  char real[MAX_PATH];
  if (!tree_rewrite(path, real)) return NEXT(realpath)(path, into);
  char *result = NEXT(realpath)(real, into);
  if (result != NULL) tree_strip(result);
  return result;
}

EXPORT DIR *opendir(const char *path) {
  char real[MAX_PATH];
  return NEXT(opendir)(tree_rewrite(path, real) ? real : path);
}

EXPORT int scandir(const char *restrict path, struct dirent ***restrict list,
                   int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **)) {
  char real[MAX_PATH];
  return NEXT(scandir)(tree_rewrite(path, real) ? real : path, list, filter, compare);
}
EXPORT int scandir64(const char *restrict path, struct dirent64 ***restrict list,
                     int (*filter)(const struct dirent64 *),
                     int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  char real[MAX_PATH];
  return NEXT(scandir64)(tree_rewrite(path, real) ? real : path, list, filter, compare);
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode) {
  char real[MAX_PATH];
  return NEXT(fopen)(tree_rewrite(path, real) ? real : path, mode);
}
EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode) {
  char real[MAX_PATH];
  return NEXT(fopen64)(tree_rewrite(path, real) ? real : path, mode);
}
