// Every system call of the addon, in one place. Results are the kernel's, with
// −errno instead of −1 and errno. The calls go through libc, never through
// syscall(2), so that a library in front of libc sees them.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

namespace vfio_native::sys {

template <typename T>
inline T result(T value) {
  return value < 0 ? -static_cast<T>(errno) : value;
}

inline int open(const char* path) { return result(::open(path, O_RDWR | O_CLOEXEC)); }

/** Never repeated after EINTR: Linux has given the descriptor back all the same. */
inline int close(int fd) { return result(::close(fd)); }

inline int ioctl(int fd, uint32_t request, uintptr_t argument) {
  return result(::ioctl(fd, static_cast<unsigned long>(request), argument));
}

inline int ioctl(int fd, uint32_t request, const void* argument) {
  return ioctl(fd, request, reinterpret_cast<uintptr_t>(argument));
}

inline int eventfd(uint32_t initial, int flags) { return result(::eventfd(initial, flags)); }

inline ssize_t read(int fd, void* buffer, size_t length) {
  return result(::read(fd, buffer, length));
}

inline ssize_t write(int fd, const void* buffer, size_t length) {
  return result(::write(fd, buffer, length));
}

inline ssize_t pread(int fd, void* buffer, size_t length, uint64_t offset) {
  return result(::pread(fd, buffer, length, static_cast<off_t>(offset)));
}

inline ssize_t pwrite(int fd, const void* buffer, size_t length, uint64_t offset) {
  return result(::pwrite(fd, buffer, length, static_cast<off_t>(offset)));
}

/** The address, or −errno; addresses of user space are never negative. */
inline intptr_t mmap(void* address, size_t length, int protection, int flags, int fd,
                     uint64_t offset) {
  void* mapped = ::mmap(address, length, protection, flags, fd, static_cast<off_t>(offset));
  return mapped == MAP_FAILED ? -static_cast<intptr_t>(errno)
                              : reinterpret_cast<intptr_t>(mapped);
}

inline int munmap(void* address, size_t length) { return result(::munmap(address, length)); }

/** Moves a mapping over whatever is at `target`, in one step. */
inline int move_mapping(void* from, void* target, size_t length) {
  void* moved = ::mremap(from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
  return moved == MAP_FAILED ? -errno : 0;
}

inline int madvise(void* address, size_t length, int advice) {
  return result(::madvise(address, length, advice));
}

inline int epoll_create() { return result(::epoll_create1(EPOLL_CLOEXEC)); }

inline int epoll_add(int epoll, int fd, uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  return result(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/** Whether `epoll` tells of `fd`, which it has. */
inline int epoll_listen(int epoll, int fd, bool on) {
  epoll_event event{};
  if (on) event.events = EPOLLIN;
  return result(::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

inline int epoll_remove(int epoll, int fd) {
  epoll_event ignored{};
  return result(::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &ignored));
}

/** @param timeout_ms −1: until something happens */
inline int epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms) {
  return result(::epoll_wait(epoll, events, most, timeout_ms));
}

/** Whether `fd` is readable, now or within `most_ns` (below a second). */
inline bool readable(int fd, long most_ns = 0) {
  pollfd one{fd, POLLIN, 0};
  const timespec most{0, most_ns};
  return ::ppoll(&one, 1, &most, nullptr) == 1;
}

/** The monotonic clock. */
inline int64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/** Status flags of the open file (O_NONBLOCK and the like). */
inline int status_flags(int fd) { return result(::fcntl(fd, F_GETFL)); }

inline int stat(int fd, struct stat* status) { return result(::fstat(fd, status)); }

inline size_t page_size() {
  static const size_t size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace vfio_native::sys
