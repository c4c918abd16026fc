// Guest RAM: which bytes of this process ioctls may name, and which of them the
// kernel has mapped for a device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace vfio_native {

class GuestRam {
 public:
  /**
   * A block that ioctls may name from now on.
   * @param pin gives a reference that keeps the block in place, or nullptr when
   *   it is gone; the table itself does not hold on to the block
   */
  void offer(uintptr_t address, uint64_t length, std::function<std::shared_ptr<void>()> pin);

  /** A reference to the block that has all of [address, address + length), or nullptr. */
  std::shared_ptr<void> pin(uint64_t address, uint64_t length);

  /** Notes that the kernel has mapped a block, and keeps it in place. */
  void mapped(int fd, uint32_t space, uint64_t iova, uint64_t length, std::shared_ptr<void> pin);
  /**
   * Notes that the kernel has unmapped what lies in [iova, iova + length), and
   * says that this was `done` bytes: with fewer than there were (type 1 of the
   * first version may stop early) all of it stays pinned.
   */
  void unmapped(int fd, uint32_t space, uint64_t iova, uint64_t length, uint64_t done);
  /** Notes that an address space is gone, and its mappings with it. */
  void destroyed(int fd, uint32_t space);
  /** Notes that a container or iommufd is closed. */
  void closed(int fd);

  uint32_t mapping_count() const { return static_cast<uint32_t>(mappings_.size()); }

 private:
  struct Block {
    uintptr_t address;
    uint64_t length;
    std::function<std::shared_ptr<void>()> pin;
  };
  struct Mapping {
    int fd;
    uint32_t space;
    uint64_t iova;
    uint64_t length;
    std::shared_ptr<void> pin;
  };
  std::vector<Block> blocks_;
  std::vector<Mapping> mappings_;
};

}  // namespace vfio_native
