#include "guest_ram.h"

#include <algorithm>

namespace vfio_native {

void GuestRam::offer(uintptr_t address, uint64_t length,
                     std::function<std::shared_ptr<void>()> pin) {
  // The same block again, or one where a collected one was.
  std::erase_if(blocks_, [&](const Block& block) {
    return (block.address < address + length && address < block.address + block.length) ||
           block.pin() == nullptr;
  });
  blocks_.push_back({address, length, std::move(pin)});
}

std::shared_ptr<void> GuestRam::pin(uint64_t address, uint64_t length) {
  for (const Block& block : blocks_) {
    if (address < block.address) continue;
    const uint64_t skipped = address - block.address;
    if (skipped <= block.length && length <= block.length - skipped) return block.pin();
  }
  return nullptr;
}

void GuestRam::mapped(int fd, uint32_t space, uint64_t iova, uint64_t length,
                      std::shared_ptr<void> pin) {
  mappings_.push_back({fd, space, iova, length, std::move(pin)});
}

void GuestRam::unmapped(int fd, uint32_t space, uint64_t iova, uint64_t length, uint64_t done) {
  const auto inside = [&](const Mapping& mapping) {
    return mapping.fd == fd && mapping.space == space && mapping.iova - iova < length;
  };
  uint64_t expected = 0;
  for (const Mapping& mapping : mappings_) {
    if (inside(mapping)) expected += mapping.length;
  }
  if (done >= expected) std::erase_if(mappings_, inside);
}

void GuestRam::destroyed(int fd, uint32_t space) {
  std::erase_if(mappings_, [&](const Mapping& mapping) {
    return mapping.fd == fd && mapping.space == space;
  });
}

void GuestRam::closed(int fd) {
  std::erase_if(mappings_, [&](const Mapping& mapping) { return mapping.fd == fd; });
}

}  // namespace vfio_native
