// How long an event loop looks around before it sleeps, as KVM does for a CPU that
// halts (halt_poll_ns): a core that slept needs tens of microseconds to wake up.
#pragma once

#include <cstdint>

namespace vfio_native {

/**
 * Adapts to the device: nothing while interrupts are further apart than `most`,
 * and no longer than what would have saved the last waits.
 */
class HaltPoll {
 public:
  /** The largest that is allowed. */
  static constexpr uint32_t kMostUs = 1000;
  static constexpr uint32_t kDefaultUs = 400;

  /** @param most_ns 0: never look around */
  explicit HaltPoll(int64_t most_ns) : most_(most_ns) {}

  void set_most(int64_t most_ns) { most_ = most_ns, window_ = 0; }
  /** How long to look around now, in ns. */
  int64_t window() const { return window_; }
  /**
   * The loop has waited.
   * @param ns with the looking around
   * @param interrupted whether an interrupt ended it
   */
  void waited(int64_t ns, bool interrupted) {
    others_ = interrupted ? 0 : others_ + 1;
    if (ns > most_ || others_ == kOthers) {
      window_ = 0;
    } else if (interrupted && ns > window_) {
      const int64_t grown = window_ == 0 ? kFirst : window_ * 2;
      window_ = grown < most_ ? grown : most_;
    }
  }

 private:
  static constexpr int64_t kFirst = 10'000;
  /** Waits in a row that something else ended: the device is idle, though the loop is not. */
  static constexpr uint32_t kOthers = 16;

  int64_t most_;
  int64_t window_ = 0;
  uint32_t others_ = 0;
};

}  // namespace vfio_native
