// What happens when the bus refuses an access to a mapped region (SIGBUS): the page
// becomes ordinary memory of all ones, and its owner is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace vfio_native {

/**
 * Windows of the whole process that are guarded. An access that Linux answers
 * with SIGBUS, as an external abort of the bus or a device that was unplugged,
 * would end the process; in a guarded window the page at fault is replaced by
 * memory of all ones, and the access done again there. The handler before ours
 * gets every other SIGBUS.
 */
class BusErrors {
 public:
  /** Windows at once, in all threads. */
  static constexpr size_t kMost = 16384;

  /** Who is told that a page was replaced; called in a signal handler. */
  struct Teller {
    void (*tell)(void* who);
    void* who;
  };

  /**
   * Guards [address, address + length), whole pages, until release().
   * @returns the number of the guard (>= 0), or -ENOSPC when there are too many
   */
  static int guard(const void* address, size_t length, const Teller& teller);
  /** No access to the window may be under way. */
  static void release(int guard);
  /** Where, from the start of the window, the bus refused an access since the last call. */
  static std::optional<uint32_t> take(int guard);
};

}  // namespace vfio_native
