#include "arguments.h"
#include "bindings.h"
#include "environment.h"

namespace vfio_native {

#if defined(__x86_64__)

namespace {

Napi::Value failed(const Napi::CallbackInfo& info, const KvmVm::Failure& failure) {
  auto object = Napi::Object::New(info.Env());
  object.Set("step", failure.step);
  object.Set("errno", failure.errno_value);
  return object;
}

KvmVm* vm_of(const Napi::CallbackInfo& info) {
  auto& vms = Environment::of(info).host().vms;
  const auto found = vms.find(i32(info, 0));
  return found == vms.end() ? nullptr : &found->second;
}

/** (irqchip, memoryBytes) → {fd, memory} or {step, errno} */
Napi::Value kvm_create(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const bool irqchip = boolean(info, 0);
  const uint32_t bytes = u32(info, 1);
  if (bytes == 0 || bytes % sys::page_size() != 0) {
    throw Napi::RangeError::New(info.Env(), "argument 1 must be whole pages");
  }
  KvmVm vm;
  const KvmVm::Failure failure = KvmVm::create(irqchip, bytes, vm);
  if (failure.step != nullptr) return failed(info, failure);
  napi_value buffer;
  auto owner = std::make_unique<std::shared_ptr<OwnedPages>>(vm.memory());
  const napi_status status = napi_create_external_arraybuffer(
      info.Env(), vm.memory()->address(), bytes,
      [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<OwnedPages>*>(hint); },
      owner.get(), &buffer);
  if (status != napi_ok) return failed(info, {"napi_create_external_arraybuffer", ENOMEM});
  // The finalizer has it now.
  owner.release();
  const int fd = vm.fd();
  host.fds.add(fd, FdTable::Kind::kBorrowed);
  host.vms.emplace(fd, std::move(vm));
  auto object = Napi::Object::New(info.Env());
  object.Set("fd", fd);
  object.Set("memory", Napi::Value(info.Env(), buffer));
  return object;
}

Napi::Value kvm_close(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  if (host.vms.count(fd) == 0) return number(info, -EBADF);
  host.fds.close(fd);
  host.vms.erase(fd);
  return number(info, 0);
}

Napi::Value kvm_extension(const Napi::CallbackInfo& info) {
  const KvmVm* vm = vm_of(info);
  return number(info, vm == nullptr ? -EBADF : vm->extension(u32(info, 1)));
}

/** (fd, chip, state) fills the 512 bytes of `state`; 0 or −errno */
Napi::Value kvm_get_irqchip(const Napi::CallbackInfo& info) {
  const KvmVm* vm = vm_of(info);
  const Bytes state = bytes_of(info, 2);
  if (vm == nullptr) return number(info, -EBADF);
  if (state.length < kIrqchipStateBytes) return number(info, -EFAULT);
  return number(info, vm->get_irqchip(u32(info, 1), state.data));
}

Napi::Value kvm_set_irqchip(const Napi::CallbackInfo& info) {
  const KvmVm* vm = vm_of(info);
  const Bytes state = bytes_of(info, 2);
  if (vm == nullptr) return number(info, -EBADF);
  if (state.length < kIrqchipStateBytes) return number(info, -EFAULT);
  return number(info, vm->set_irqchip(u32(info, 1), state.data));
}

/** (fd, ip) → undefined or {step, errno} */
Napi::Value kvm_create_vcpu(const Napi::CallbackInfo& info) {
  KvmVm* vm = vm_of(info);
  const uint32_t ip = u32(info, 1);
  if (vm == nullptr) return failed(info, {"KVM_CREATE_VCPU", EBADF});
  if (ip > UINT16_MAX) throw Napi::RangeError::New(info.Env(), "argument 1 is out of range");
  const KvmVm::Failure failure = vm->create_vcpu(static_cast<uint16_t>(ip));
  return failure.step == nullptr ? info.Env().Undefined() : failed(info, failure);
}

/** → {reason, port, size, write, value} or −errno */
Napi::Value kvm_run(const Napi::CallbackInfo& info) {
  KvmVm* vm = vm_of(info);
  if (vm == nullptr) return number(info, -EBADF);
  KvmVm::Exit exit{};
  const int result = vm->run(exit);
  if (result < 0) return number(info, result);
  auto object = Napi::Object::New(info.Env());
  object.Set("reason", exit.reason);
  object.Set("port", exit.port);
  object.Set("size", exit.size);
  object.Set("write", exit.write);
  object.Set("value", exit.value);
  return object;
}

}  // namespace

void bind_kvm(Napi::Env env, Napi::Object exports) {
  bind<kvm_create>(env, exports, "kvmCreate");
  bind<kvm_close>(env, exports, "kvmClose");
  bind<kvm_extension>(env, exports, "kvmExtension");
  bind<kvm_get_irqchip>(env, exports, "kvmGetIrqchip");
  bind<kvm_set_irqchip>(env, exports, "kvmSetIrqchip");
  bind<kvm_create_vcpu>(env, exports, "kvmCreateVcpu");
  bind<kvm_run>(env, exports, "kvmRun");
}

#else

void bind_kvm(Napi::Env, Napi::Object) {}

#endif

}  // namespace vfio_native
