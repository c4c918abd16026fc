// Device regions mapped over pages of a core's linear memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "bus_errors.h"
#include "syscalls.h"

namespace vfio_native {

/** A run of bytes that somebody keeps in place. */
struct PinnedBytes {
  uint8_t* base;
  uint64_t length;
  /** Keeps them where they are. */
  std::shared_ptr<void> pin;
};

class Windows {
 public:
  Windows() = default;
  Windows(const Windows&) = delete;
  Windows& operator=(const Windows&) = delete;
  /** Gives all pages back, whoever looks at them still. */
  ~Windows();

  /**
   * Maps `length` bytes of `fd` over `memory` from byte `pointer` on, and keeps
   * the memory pinned. What was in these bytes is gone. An access that the bus
   * refuses ends nothing (bus_errors.h).
   * @returns the number of the window (≥ 0) or −errno
   */
  int map(const PinnedBytes& memory, uint32_t pointer, uint32_t length, int protection, int fd,
          uint64_t offset);
  /** Puts zeroed anonymous memory back; 0 or −errno, −EINVAL when there is no such window. */
  int unmap(int window);
  uint32_t count() const { return static_cast<uint32_t>(windows_.size()); }

  /** An access that the bus has refused; the page reads as ones since. */
  struct Refused {
    int window;
    uint32_t offset;
  };
  /** Told, in a signal handler, when take_refused() has something. */
  void tell_refusals(BusErrors::Teller teller) { teller_ = teller; }
  /** The first one in each window since the last call. */
  std::vector<Refused> take_refused();

 private:
  struct Window {
    uint8_t* address;
    size_t length;
    std::shared_ptr<void> pin;
    int guard;
  };
  bool overlaps(const uint8_t* address, size_t length) const;

  BusErrors::Teller teller_{};
  std::map<int, Window> windows_;
  int next_ = 0;
};

}  // namespace vfio_native
