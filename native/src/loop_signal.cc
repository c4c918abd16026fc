#include "loop_signal.h"

#include <memory>

#include "libuv.h"

namespace vfio_native {

namespace {

/** The handle and what it needs; deleted when libuv has closed it. */
struct Signal {
  void (*called)(void* owner);
  void* owner;
  std::unique_ptr<char[]> handle;
  napi_async_cleanup_hook_handle hook = nullptr;

  static Signal* of(void* handle) { return static_cast<Signal*>(uv_handle_get_data(handle)); }
};

void on_send(void* handle) {
  const Signal* signal = Signal::of(handle);
  signal->called(signal->owner);
}

void on_closed(void* handle) {
  const std::unique_ptr<Signal> signal(Signal::of(handle));
  // Without a hook it was never started.
  if (signal->hook != nullptr) napi_remove_async_cleanup_hook(signal->hook);
}

void on_teardown(napi_async_cleanup_hook_handle, void* data) {
  uv_close(static_cast<Signal*>(data)->handle.get(), on_closed);
}

}  // namespace

void* LoopSignal::start(Napi::Env env, void (*called)(void* owner), void* owner) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || !uv::has(uv::kAsync)) return nullptr;
  auto signal = std::make_unique<Signal>();
  signal->called = called;
  signal->owner = owner;
  signal->handle = std::make_unique<char[]>(uv_handle_size(uv::kAsync.type));
  void* handle = signal->handle.get();
  if (uv_async_init(loop, handle, on_send) != 0) return nullptr;
  // From here on libuv knows the handle, and on_closed() deletes it.
  uv_handle_set_data(handle, signal.get());
  uv_unref(handle);
  Signal* known = signal.release();
  if (napi_add_async_cleanup_hook(env, on_teardown, known, &known->hook) != napi_ok) {
    uv_close(handle, on_closed);
    return nullptr;
  }
  return handle;
}

void LoopSignal::send(void* signal) { uv_async_send(signal); }

}  // namespace vfio_native
