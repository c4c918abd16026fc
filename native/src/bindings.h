// The addon's functions, by what they are about.
#pragma once

#include <napi.h>

namespace vfio_native {

/** open, close, adopt, giveBack, ioctl, eventfd, read, write, deviceNumber, resources. */
void bind_files(Napi::Env env, Napi::Object exports);
/** unmask, pread, pwrite. */
void bind_hot(Napi::Env env, Napi::Object exports);
/** mmap, munmap, addressOf, allocGuestRam. */
void bind_memory(Napi::Env env, Napi::Object exports);
/** addDoorbell, dropDoorbell, watch, unwatch, keepAlive. */
void bind_watching(Napi::Env env, Napi::Object exports);
/** kvmCreate and the like; nothing where KVM has no irqchip of a PC. */
void bind_kvm(Napi::Env env, Napi::Object exports);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void bind(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

}  // namespace vfio_native
