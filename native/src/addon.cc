// Where Node-API enters: every environment gets an instance of its own.
#include "bindings.h"
#include "environment.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new vfio_native::Environment(env));
  vfio_native::bind_files(env, exports);
  vfio_native::bind_hot(env, exports);
  vfio_native::bind_memory(env, exports);
  vfio_native::bind_watching(env, exports);
  vfio_native::bind_kvm(env, exports);
  // Raised with every change of the functions' meaning; host/native/addon.ts knows it.
  exports.Set("interfaceVersion", 4);
  return exports;
}

}  // namespace

NODE_API_MODULE(vfio_platform, init)
