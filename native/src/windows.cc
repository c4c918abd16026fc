#include "windows.h"

#include <algorithm>

namespace vfio_native {

namespace {

/** As an engine maps linear memory, so that the pages join their neighbours again. */
int restore(uint8_t* address, size_t length) {
  const intptr_t mapped =
      sys::mmap(address, length, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return mapped < 0 ? static_cast<int>(mapped) : 0;
}

}  // namespace

Windows::~Windows() {
  for (const auto& [number, window] : windows_) {
    BusErrors::release(window.guard);
    restore(window.address, window.length);
  }
}

bool Windows::overlaps(const uint8_t* address, size_t length) const {
  return std::any_of(windows_.begin(), windows_.end(), [&](const auto& entry) {
    const Window& other = entry.second;
    return address < other.address + other.length && other.address < address + length;
  });
}

int Windows::map(const PinnedBytes& memory, uint32_t pointer, uint32_t length, int protection,
                 int fd, uint64_t offset) {
  if (length == 0 || uint64_t{pointer} + length > memory.length) return -EFAULT;
  if ((protection & ~(PROT_READ | PROT_WRITE)) != 0) return -EINVAL;
  uint8_t* const target = memory.base + pointer;
  const size_t page = sys::page_size();
  if (reinterpret_cast<uintptr_t>(target) % page != 0 || length % page != 0) return -EINVAL;
  if (overlaps(target, length)) return -EEXIST;
  const int guard = BusErrors::guard(target, length, teller_);
  if (guard < 0) return guard;
  // First where nobody is hurt: a mapping with MAP_FIXED that the driver
  // refuses would leave a hole in the linear memory.
  const intptr_t mapped = sys::mmap(nullptr, length, protection, MAP_SHARED, fd, offset);
  if (mapped < 0) {
    BusErrors::release(guard);
    return static_cast<int>(mapped);
  }
  // SAFETY: all of [target, target + length) is inside the pinned linear
  // memory, page aligned, and no other window is there (checked above).
  const int moved = sys::move_mapping(reinterpret_cast<void*>(mapped), target, length);
  if (moved < 0) {
    BusErrors::release(guard);
    sys::munmap(reinterpret_cast<void*>(mapped), length);
    restore(target, length);
    return moved;
  }
  const int number = next_++;
  windows_.emplace(number, Window{target, length, memory.pin, guard});
  return number;
}

int Windows::unmap(int number) {
  const auto found = windows_.find(number);
  if (found == windows_.end()) return -EINVAL;
  // SAFETY: the pin still holds the linear memory around the window in place.
  int restored = restore(found->second.address, found->second.length);
  // A window that stays keeps the device open and its group busy for good.
  if (restored < 0) restored = restore(found->second.address, found->second.length);
  if (restored == 0) {
    BusErrors::release(found->second.guard);
    windows_.erase(found);
  }
  return restored;
}

std::vector<Windows::Refused> Windows::take_refused() {
  std::vector<Refused> refused;
  for (const auto& [number, window] : windows_) {
    if (const auto offset = BusErrors::take(window.guard)) refused.push_back({number, *offset});
  }
  return refused;
}

}  // namespace vfio_native
