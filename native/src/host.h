// What one environment (main thread or worker) has of the kernel.
#pragma once

#include <map>
#include <memory>

#include "doorbell.h"
#include "fd_table.h"
#include "guest_ram.h"
#include "ioctl_gate.h"
#include "watcher.h"
#include "windows.h"
#if defined(__x86_64__)
#include "kvm.h"
#endif

namespace vfio_native {

/** Everything is given back with it, in the reverse order of the members. */
struct Host {
  explicit Host(std::function<void()> notify) : watcher(std::move(notify)) {}

  /** close(2), and what goes with it. */
  int close(int fd) {
    if (!fds.has(fd)) return -EBADF;
    watcher.forget(fd);
    const int result = fds.close(fd);
    ram.closed(fd);
    return result;
  }

  /** Whether closing `fd` is up to us already. */
  bool owns(int fd) const {
#if defined(__x86_64__)
    if (vms.count(fd) != 0) return true;
#endif
    return fds.has(fd) && !fds.is_borrowed(fd);
  }

  /** read(2) of one of our descriptors. */
  ssize_t read(int fd, void* buffer, size_t length) {
    if (!fds.has(fd)) return -EBADF;
    return watcher.watches(fd) ? watcher.read(fd, buffer, length) : sys::read(fd, buffer, length);
  }

  GuestRam ram;
  FdTable fds;
  IoctlGate gate{fds, ram};
#if defined(__x86_64__)
  std::map<int, KvmVm> vms;
#endif
  Windows windows;
  uint32_t next_doorbell = 0;
  std::map<uint32_t, std::shared_ptr<Doorbell>> doorbells;
  Watcher watcher;
};

}  // namespace vfio_native
