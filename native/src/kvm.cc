#include "kvm.h"

#if defined(__x86_64__)

#include <cstring>

#include <linux/kvm.h>

#include "shared/abi.h"

namespace vfio_native {

static_assert(sizeof(kvm_irqchip) == 8 + kIrqchipStateBytes);
static_assert(KVM_IRQFD == abi::kKVM_IRQFD);
static_assert(sizeof(kvm_irqfd) == abi::kKVM_IRQFD_SIZE);

namespace {

/** Three pages that KVM wants for itself on some processors, below the BIOS. */
constexpr uintptr_t kTssAddress = 0xfffbd000;

}  // namespace

KvmVm::Failure KvmVm::create(bool irqchip, size_t memory_bytes, KvmVm& vm) {
  const int kvm = sys::open("/dev/kvm");
  if (kvm < 0) return {"open", -kvm};
  vm.kvm_ = OwnedFd(kvm);
  const int version = sys::ioctl(kvm, KVM_GET_API_VERSION, uintptr_t{0});
  if (version != KVM_API_VERSION) return {"KVM_GET_API_VERSION", version < 0 ? -version : ENOSYS};
  const int fd = sys::ioctl(kvm, KVM_CREATE_VM, uintptr_t{0});
  if (fd < 0) return {"KVM_CREATE_VM", -fd};
  vm.vm_ = OwnedFd(fd);
  if (irqchip) {
    const int tss = sys::ioctl(fd, KVM_SET_TSS_ADDR, kTssAddress);
    if (tss < 0) return {"KVM_SET_TSS_ADDR", -tss};
    const int chip = sys::ioctl(fd, KVM_CREATE_IRQCHIP, uintptr_t{0});
    if (chip < 0) return {"KVM_CREATE_IRQCHIP", -chip};
  }
  const intptr_t pages = sys::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages < 0) return {"mmap", static_cast<int>(-pages)};
  vm.memory_ = std::make_shared<OwnedPages>(reinterpret_cast<void*>(pages), memory_bytes);
  kvm_userspace_memory_region region{};
  region.memory_size = memory_bytes;
  region.userspace_addr = static_cast<uint64_t>(pages);
  const int set = sys::ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region);
  if (set < 0) return {"KVM_SET_USER_MEMORY_REGION", -set};
  return {nullptr, 0};
}

int KvmVm::extension(uint32_t capability) const {
  return sys::ioctl(vm_.get(), KVM_CHECK_EXTENSION, uintptr_t{capability});
}

int KvmVm::get_irqchip(uint32_t chip, uint8_t* state) const {
  kvm_irqchip call{};
  call.chip_id = chip;
  const int result = sys::ioctl(vm_.get(), KVM_GET_IRQCHIP, &call);
  if (result == 0) std::memcpy(state, call.chip.dummy, kIrqchipStateBytes);
  return result;
}

int KvmVm::set_irqchip(uint32_t chip, const uint8_t* state) const {
  kvm_irqchip call{};
  call.chip_id = chip;
  std::memcpy(call.chip.dummy, state, kIrqchipStateBytes);
  return sys::ioctl(vm_.get(), KVM_SET_IRQCHIP, &call);
}

KvmVm::Failure KvmVm::create_vcpu(uint16_t ip) {
  if (vcpu_.valid()) return {"KVM_CREATE_VCPU", EEXIST};
  const int fd = sys::ioctl(vm_.get(), KVM_CREATE_VCPU, uintptr_t{0});
  if (fd < 0) return {"KVM_CREATE_VCPU", -fd};
  OwnedFd vcpu(fd);
  const int size = sys::ioctl(kvm_.get(), KVM_GET_VCPU_MMAP_SIZE, uintptr_t{0});
  if (size < static_cast<int>(sizeof(kvm_run))) return {"KVM_GET_VCPU_MMAP_SIZE", EINVAL};
  const intptr_t mapped = sys::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped < 0) return {"mmap", static_cast<int>(-mapped)};
  OwnedPages run(reinterpret_cast<void*>(mapped), size);
  kvm_sregs system{};
  const int got = sys::ioctl(fd, KVM_GET_SREGS, &system);
  if (got < 0) return {"KVM_GET_SREGS", -got};
  for (kvm_segment* segment : {&system.cs, &system.ds, &system.es, &system.ss}) {
    segment->base = 0;
    segment->selector = 0;
  }
  const int put = sys::ioctl(fd, KVM_SET_SREGS, &system);
  if (put < 0) return {"KVM_SET_SREGS", -put};
  kvm_regs registers{};
  registers.rip = ip;
  // Bit 1 is always set.
  registers.rflags = 2;
  const int started = sys::ioctl(fd, KVM_SET_REGS, &registers);
  if (started < 0) return {"KVM_SET_REGS", -started};
  vcpu_ = std::move(vcpu);
  run_ = std::move(run);
  return {nullptr, 0};
}

int KvmVm::run(Exit& exit) {
  if (!vcpu_.valid()) return -ENXIO;
  const int result = sys::ioctl(vcpu_.get(), KVM_RUN, uintptr_t{0});
  if (result < 0) return result;
  const auto* run = static_cast<const kvm_run*>(run_.address());
  exit = {run->exit_reason, 0, 0, false, 0};
  if (run->exit_reason != KVM_EXIT_IO) return 0;
  const auto& io = run->io;
  exit.port = io.port;
  exit.size = io.size;
  exit.write = io.direction == KVM_EXIT_IO_OUT;
  if (io.size > sizeof exit.value || io.data_offset > run_.length() - io.size) return -EIO;
  std::memcpy(&exit.value, static_cast<const uint8_t*>(run_.address()) + io.data_offset, io.size);
  return 0;
}

}  // namespace vfio_native

#endif
