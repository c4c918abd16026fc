// Owners of what must be given back to the kernel.
#pragma once

#include <cstddef>
#include <utility>

#include "syscalls.h"

namespace vfio_native {

/** A file descriptor that is closed with its owner. */
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() { close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

  int close() {
    const int fd = release();
    return fd < 0 ? 0 : sys::close(fd);
  }

 private:
  int fd_ = -1;
};

/** Pages of memory that are unmapped with their owner. */
class OwnedPages {
 public:
  OwnedPages() = default;
  OwnedPages(void* address, size_t length) : address_(address), length_(length) {}
  OwnedPages(OwnedPages&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)),
        length_(std::exchange(other.length_, 0)) {}
  OwnedPages& operator=(OwnedPages&& other) noexcept {
    if (this != &other) {
      unmap();
      address_ = std::exchange(other.address_, nullptr);
      length_ = std::exchange(other.length_, 0);
    }
    return *this;
  }
  OwnedPages(const OwnedPages&) = delete;
  OwnedPages& operator=(const OwnedPages&) = delete;
  ~OwnedPages() { unmap(); }

  void* address() const { return address_; }
  size_t length() const { return length_; }
  void release() {
    address_ = nullptr;
    length_ = 0;
  }

 private:
  void unmap() {
    if (address_ != nullptr) sys::munmap(address_, length_);
    release();
  }

  void* address_ = nullptr;
  size_t length_ = 0;
};

}  // namespace vfio_native
