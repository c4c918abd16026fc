// A small KVM virtual machine with the in-kernel irqchip of a PC: for irqfds.
#pragma once

#include <cstdint>
#include <memory>

#include "owned.h"

namespace vfio_native {

class KvmVm {
 public:
  /** What was being done when a call failed. */
  struct Failure {
    const char* step;
    int errno_value;
  };
  /** Why KVM_RUN came back. */
  struct Exit {
    uint32_t reason;
    /** Of port accesses only. */
    uint32_t port;
    uint32_t size;
    bool write;
    uint32_t value;
  };

  /** @param memory_bytes of guest RAM at address 0, whole pages */
  static Failure create(bool irqchip, size_t memory_bytes, KvmVm& vm);

  int fd() const { return vm_.get(); }
  const std::shared_ptr<OwnedPages>& memory() const { return memory_; }

  /** KVM_CHECK_EXTENSION. */
  int extension(uint32_t capability) const;
  /** KVM_GET_IRQCHIP: 512 bytes of chip 0 (PIC master), 1 (PIC slave) or 2 (IOAPIC). */
  int get_irqchip(uint32_t chip, uint8_t* state) const;
  int set_irqchip(uint32_t chip, const uint8_t* state) const;
  /** Makes the processor, in real mode at 0:`ip`. */
  Failure create_vcpu(uint16_t ip);
  /** KVM_RUN until the guest accesses a port or ends; waits as long as the guest does. */
  int run(Exit& exit);

 private:
  OwnedFd kvm_;
  OwnedFd vm_;
  std::shared_ptr<OwnedPages> memory_;
  OwnedFd vcpu_;
  OwnedPages run_;
};

constexpr size_t kIrqchipStateBytes = 512;

}  // namespace vfio_native
