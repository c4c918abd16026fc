#include "loop_handles.h"

namespace vfio_native {

void* LoopHandles::room(const uv::Kind& kind) {
  if (!uv::has(kind)) return nullptr;
  handles_[open_] = std::make_unique<char[]>(uv_handle_size(kind.type));
  return handles_[open_].get();
}

void LoopHandles::opened() {
  void* handle = handles_[open_++].get();
  uv_handle_set_data(handle, this);
  uv_unref(handle);
}

bool LoopHandles::keep(Napi::Env env) {
  const auto on_teardown = [](napi_async_cleanup_hook_handle, void* handles) {
    static_cast<LoopHandles*>(handles)->close();
  };
  return napi_add_async_cleanup_hook(env, on_teardown, this, &hook_) == napi_ok;
}

void LoopHandles::close() {
  if (open_ == 0) delete this;
  // Closing never calls back at once.
  else for (size_t i = 0; i < open_; i++) uv_close(handles_[i].get(), on_closed);
}

void LoopHandles::on_closed(void* handle) {
  auto* handles = owner_of<LoopHandles>(handle);
  if (--handles->open_ > 0) return;
  // Without a hook it was never kept.
  if (handles->hook_ != nullptr) napi_remove_async_cleanup_hook(handles->hook_);
  delete handles;
}

}  // namespace vfio_native
