// ioctl(2) for the requests of the table only, on known descriptors, with every
// pointer and embedded descriptor checked.
#pragma once

#include <cstdint>

#include "fd_table.h"
#include "guest_ram.h"
#include "requests.h"

namespace vfio_native {

/** Results below every −errno: the kernel was not asked. */
enum Refusal : int {
  /** A request that is not in the table. */
  kRefusedRequest = -0x10000,
  /** A path that is no VFIO node. */
  kRefusedPath = -0x10001,
  /** Guest RAM that was not offered, or is gone. */
  kRefusedRam = -0x10002,
};

class IoctlGate {
 public:
  IoctlGate(FdTable& fds, GuestRam& ram) : fds_(fds), ram_(ram) {}

  /**
   * @param value the argument of requests that take an integer
   * @param bytes the struct or string of the others, `length` bytes, writable
   * @returns the kernel's result, −errno, or a Refusal
   */
  int call(int fd, uint32_t number, uint32_t value, uint8_t* bytes, uint32_t length);

  /** VFIO_DEVICE_SET_IRQS with DATA_NONE and ACTION_UNMASK: a call for every level interrupt. */
  int unmask(int fd, uint32_t line) const;

 private:
  int call_struct(int fd, const Request& request, uint8_t* bytes, uint32_t length);
  int call_on_ram(int fd, const Request& request, uint8_t* bytes);
  bool descriptors_known(const Request& request, const uint8_t* bytes) const;
  /** What an ioctl asks to unmap: the kernel writes what it did over it. */
  struct Unmapping {
    uint64_t iova;
    uint64_t length;
  };
  static Unmapping unmapping(uint32_t number, const uint8_t* bytes);
  void note_success(int fd, uint32_t number, const uint8_t* bytes, const Unmapping& asked);

  FdTable& fds_;
  GuestRam& ram_;
};

}  // namespace vfio_native
