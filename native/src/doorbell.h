// The doorbell of one core: where signals wait in its linear memory. The
// layout and the protocol are those of assembly/state/layout.ts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace vfio_native {

/** Byte offsets in the linear memory. */
struct DoorbellLayout {
  uint32_t summary;
  uint32_t words;
  uint32_t counts;
  uint32_t lines;

  /** Whether a doorbell of this layout is well formed and fits into `bytes`. */
  bool fits(uint64_t bytes) const {
    if (lines == 0 || lines > 1024 || ((summary | words | counts) & 3) != 0) return false;
    const uint64_t word_bytes = (static_cast<uint64_t>(lines) + 31) / 32 * 4;
    return uint64_t{summary} + 4 <= bytes && words + word_bytes <= bytes &&
           counts + uint64_t{lines} * 4 <= bytes;
  }
};

class Doorbell {
 public:
  /** @param pin keeps the memory at `base` where it is */
  Doorbell(uint32_t id, uint8_t* base, DoorbellLayout layout, std::shared_ptr<void> pin)
      : id_(id), base_(base), layout_(layout), pin_(std::move(pin)) {}

  uint32_t id() const { return id_; }
  uint32_t lines() const { return layout_.lines; }

  /**
   * `count` signals of `line`: adds to the count, sets the line's bit, then the
   * word's bit in the summary. Whoever sees the summary sees the rest.
   * @returns whether the doorbell was silent before
   */
  bool ring(uint32_t line, uint64_t count) {
    auto counter = word(layout_.counts + line * 4);
    uint32_t before = counter.load();
    uint32_t after;
    do {
      // Stays at the top: a count that came round to 0 would be a lost signal.
      const uint64_t sum = before + count;
      after = count > UINT32_MAX || sum > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(sum);
    } while (!counter.compare_exchange_weak(before, after));
    word(layout_.words + (line >> 5) * 4).fetch_or(uint32_t{1} << (line & 31));
    return word(layout_.summary).fetch_or(uint32_t{1} << (line >> 5)) == 0;
  }

  /** Set while the doorbell waits to be told to its owner; guarded by the watcher. */
  bool queued = false;
  /** Lines whose eventfd has hung up and whose owner was not told; guarded by the watcher. */
  std::vector<uint32_t> hung_up;
  /** Those that take_rung() has taken out; only touched on the owner's thread. */
  std::vector<uint32_t> told_hung_up;
  /** The owner wants to hear no more; only touched on the owner's thread. */
  bool dropped = false;

 private:
  std::atomic_ref<uint32_t> word(uint32_t offset) const {
    // SAFETY: `layout_` was checked against the memory's length, offsets are
    // multiples of 4, and linear memory is page aligned.
    return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(base_ + offset));
  }

  const uint32_t id_;
  uint8_t* const base_;
  const DoorbellLayout layout_;
  const std::shared_ptr<void> pin_;
};

}  // namespace vfio_native
