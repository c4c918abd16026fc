#include "arguments.h"
#include "bindings.h"
#include "environment.h"

namespace vfio_native {

namespace {

/** (memory, pointer, length, protection, fd, offsetLow, offsetHigh) → window or −errno */
Napi::Value mmap(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info);
  const uint32_t pointer = u32(info, 1);
  const uint32_t length = u32(info, 2);
  const int protection = i32(info, 3);
  const int fd = i32(info, 4);
  const uint64_t offset = u32(info, 5) | uint64_t{u32(info, 6)} << 32;
  const PinnedBytes memory = environment.linear_memory(info[0]);
  if (!environment.host().fds.has(fd)) return number(info, -EBADF);
  return number(info,
                environment.host().windows.map(memory, pointer, length, protection, fd, offset));
}

/** (called with window and offset) */
Napi::Value on_refused(const Napi::CallbackInfo& info) {
  Environment::of(info).on_refused(info.Env(), function(info, 0));
  return info.Env().Undefined();
}

Napi::Value munmap(const Napi::CallbackInfo& info) {
  return number(info, Environment::of(info).host().windows.unmap(i32(info, 0)));
}

/** The address of a Uint8Array's first byte, which ioctls may name from now on. */
Napi::Value address_of(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const Bytes bytes = bytes_of(info, 0);
  const auto address = reinterpret_cast<uintptr_t>(bytes.data);
  auto weak = std::make_shared<Napi::ObjectReference>(Napi::Weak(info[0].As<Napi::Object>()));
  host.ram.offer(address, bytes.length, [weak, address]() -> std::shared_ptr<void> {
    const Napi::Object array = weak->Value();
    if (array.IsEmpty()) return nullptr;
    void* data = nullptr;
    size_t length = 0;
    napi_get_typedarray_info(weak->Env(), array, nullptr, &length, &data, nullptr, nullptr);
    // Detached, by memory.grow or a transfer, it has no bytes any more.
    if (length == 0 || reinterpret_cast<uintptr_t>(data) != address) return nullptr;
    return pin(array);
  });
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(address));
}

/** An ArrayBuffer of zeroed pages of its own, or −errno. */
Napi::Value alloc_guest_ram(const Napi::CallbackInfo& info) {
  Environment::of(info);
  const double wanted = info[0].As<Napi::Number>().DoubleValue();
  if (!(wanted >= 1 && wanted <= 0x1p32)) {
    throw Napi::RangeError::New(info.Env(), "argument 0 must be 1 to 2^32");
  }
  const auto size = static_cast<size_t>(wanted);
  const size_t page = sys::page_size();
  const size_t length = (size + page - 1) / page * page;
  const intptr_t mapped = sys::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped < 0) return number(info, mapped);
  auto pages = std::make_unique<OwnedPages>(reinterpret_cast<void*>(mapped), length);
  // A child that shared these pages would make the parent's next write go to
  // a copy, while the device keeps the original.
  sys::madvise(pages->address(), length, MADV_DONTFORK);
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      info.Env(), pages->address(), size,
      [](napi_env, void*, void* owner) { delete static_cast<OwnedPages*>(owner); }, pages.get(),
      &buffer);
  if (status != napi_ok) return number(info, -ENOMEM);
  // The finalizer has them now.
  pages.release();
  return Napi::Value(info.Env(), buffer);
}

}  // namespace

void bind_memory(Napi::Env env, Napi::Object exports) {
  bind<mmap>(env, exports, "mmap");
  bind<munmap>(env, exports, "munmap");
  bind<on_refused>(env, exports, "onRefused");
  bind<address_of>(env, exports, "addressOf");
  bind<alloc_guest_ram>(env, exports, "allocGuestRam");
}

}  // namespace vfio_native
