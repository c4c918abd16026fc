#include "ioctl_gate.h"

#include <cstring>

#include "shared/abi.h"

namespace vfio_native {

namespace {

uint32_t word(const uint8_t* bytes, uint32_t offset) {
  uint32_t value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

uint64_t pair(const uint8_t* bytes, uint32_t offset) {
  uint64_t value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

void set_pair(uint8_t* bytes, uint32_t offset, uint64_t value) {
  std::memcpy(bytes + offset, &value, sizeof value);
}

}  // namespace

int IoctlGate::call(int fd, uint32_t number, uint32_t value, uint8_t* bytes, uint32_t length) {
  if (!fds_.has(fd)) return -EBADF;
  const Request* request = find_request(number);
  if (request == nullptr) return kRefusedRequest;
  int result = -EINVAL;
  switch (request->argument) {
    case Request::Argument::kNone:
      result = sys::ioctl(fd, number, uintptr_t{0});
      break;
    case Request::Argument::kInteger:
      result = sys::ioctl(fd, number, uintptr_t{value});
      break;
    case Request::Argument::kDeviceName:
      // The kernel reads up to the NUL.
      if (length == 0 || std::memchr(bytes, 0, length) == nullptr) return -EFAULT;
      result = sys::ioctl(fd, number, bytes);
      break;
    case Request::Argument::kStruct:
      return call_struct(fd, *request, bytes, length);
  }
  if (result >= 0 && request->returns_fd) fds_.add(result, FdTable::Kind::kNode);
  return result;
}

int IoctlGate::unmask(int fd, uint32_t line) const {
  if (!fds_.has(fd)) return -EBADF;
  const uint32_t irq_set[] = {abi::kVFIO_IRQ_SET_SIZE,
                              abi::kVFIO_IRQ_SET_DATA_NONE | abi::kVFIO_IRQ_SET_ACTION_UNMASK,
                              line, 0, 1};
  static_assert(sizeof irq_set == abi::kVFIO_IRQ_SET_SIZE);
  return sys::ioctl(fd, abi::kVFIO_DEVICE_SET_IRQS, irq_set);
}

bool IoctlGate::descriptors_known(const Request& request, const uint8_t* bytes) const {
  for (uint32_t i = 0; i < request.descriptor_count; i++) {
    const auto& field = request.descriptors[i];
    if (field.bits != 0 && (word(bytes, field.flags) & field.bits) == 0) continue;
    const auto fd = static_cast<int32_t>(word(bytes, field.offset));
    if (fd >= 0 && !fds_.has(fd)) return false;
  }
  return true;
}

int IoctlGate::call_struct(int fd, const Request& request, uint8_t* bytes, uint32_t length) {
  // The kernel writes up to what the struct says of its own size.
  const uint32_t size = request.sized && length >= 4 ? word(bytes, 0) : request.size;
  if (size < request.size || size > length) return -EFAULT;
  // Another flag could add a pointer to the struct, or unmap without unmapping.
  if (request.flags != 0 && (word(bytes, request.flags) & ~request.allowed_flags) != 0) {
    return -EINVAL;
  }
  // Presence bits and descriptors may lie behind the fixed part (vfio_irq_set).
  for (uint32_t i = 0; i < request.descriptor_count; i++) {
    const auto& field = request.descriptors[i];
    const bool present = field.bits == 0 || (word(bytes, field.flags) & field.bits) != 0;
    if (present && size < field.offset + 4) return -EFAULT;
  }
  if (!descriptors_known(request, bytes)) return -EBADF;
  // More than one descriptor was not checked; the platform driver refuses them all the same.
  if (request.number == abi::kVFIO_DEVICE_SET_IRQS && size > abi::kVFIO_IRQ_SET_DATA &&
      word(bytes, abi::kVFIO_IRQ_SET_COUNT) > 1) {
    return -EINVAL;
  }
  if (request.ram_address != 0) return call_on_ram(fd, request, bytes);
  if (request.item_size == 0) {
    // SAFETY: `bytes` has `size` bytes, the descriptors in it are ours, and the
    // structs of the table without guest RAM or items hold no pointers.
    const Unmapping asked = unmapping(request.number, bytes);
    const int result = sys::ioctl(fd, request.number, bytes);
    if (result >= 0) note_success(fd, request.number, bytes, asked);
    return result;
  }
  const uint64_t items = uint64_t{word(bytes, request.item_count)} * request.item_size;
  if (items > length - size || pair(bytes, request.item_pointer) != size) return -EFAULT;
  set_pair(bytes, request.item_pointer, reinterpret_cast<uintptr_t>(bytes + size));
  // SAFETY: the items' address is that of the bytes behind the struct, checked above.
  const int result = sys::ioctl(fd, request.number, bytes);
  set_pair(bytes, request.item_pointer, size);
  return result;
}

int IoctlGate::call_on_ram(int fd, const Request& request, uint8_t* bytes) {
  const uint64_t address = pair(bytes, request.ram_address);
  auto pin = ram_.pin(address, pair(bytes, request.ram_length));
  if (pin == nullptr) return kRefusedRam;
  // SAFETY: all of the range is inside one offered block, which `pin` keeps
  // in place for as long as the mapping lives.
  const int result = sys::ioctl(fd, request.number, bytes);
  if (result < 0) return result;
  if (request.number == abi::kVFIO_IOMMU_MAP_DMA) {
    ram_.mapped(fd, 0, pair(bytes, abi::kVFIO_DMA_MAP_IOVA_LO64),
                pair(bytes, abi::kVFIO_DMA_MAP_SIZE_LO64), std::move(pin));
  } else {
    ram_.mapped(fd, word(bytes, abi::kIOMMU_IOAS_MAP_IOAS_ID),
                pair(bytes, abi::kIOMMU_IOAS_MAP_IOVA_LO64),
                pair(bytes, abi::kIOMMU_IOAS_MAP_LENGTH_LO64), std::move(pin));
  }
  return result;
}

IoctlGate::Unmapping IoctlGate::unmapping(uint32_t number, const uint8_t* bytes) {
  switch (number) {
    case abi::kVFIO_IOMMU_UNMAP_DMA:
      return {pair(bytes, abi::kVFIO_DMA_UNMAP_IOVA_LO64),
              pair(bytes, abi::kVFIO_DMA_UNMAP_SIZE_LO64)};
    case abi::kIOMMU_IOAS_UNMAP:
      return {pair(bytes, abi::kIOMMU_IOAS_UNMAP_IOVA_LO64),
              pair(bytes, abi::kIOMMU_IOAS_UNMAP_LENGTH_LO64)};
    default:
      return {0, 0};
  }
}

void IoctlGate::note_success(int fd, uint32_t number, const uint8_t* bytes,
                             const Unmapping& asked) {
  switch (number) {
    case abi::kVFIO_IOMMU_UNMAP_DMA:
      ram_.unmapped(fd, 0, asked.iova, asked.length,
                    pair(bytes, abi::kVFIO_DMA_UNMAP_SIZE_LO64));
      break;
    case abi::kIOMMU_IOAS_UNMAP:
      ram_.unmapped(fd, word(bytes, abi::kIOMMU_IOAS_UNMAP_IOAS_ID), asked.iova, asked.length,
                    pair(bytes, abi::kIOMMU_IOAS_UNMAP_LENGTH_LO64));
      break;
    case abi::kIOMMU_DESTROY:
      ram_.destroyed(fd, word(bytes, abi::kIOMMU_DESTROY_ID));
      break;
    default:
      break;
  }
}

}  // namespace vfio_native
