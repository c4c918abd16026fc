#include "loop_signal.h"

#include "loop_handles.h"

namespace vfio_native {

namespace {

struct Signal : LoopHandles {
  Signal(uv_loop_s* loop, void (*call)(void* owner), void* told)
      : LoopHandles(loop), called(call), owner(told) {}

  void (*const called)(void* owner);
  void* const owner;
};

void on_send(void* handle) {
  const Signal* signal = owner_of<Signal>(handle);
  signal->called(signal->owner);
}

/** The handle, or nullptr. */
void* open_handle(Signal* signal) {
  void* handle = signal->room(uv::kAsync);
  if (handle == nullptr || uv_async_init(signal->loop(), handle, on_send) != 0) return nullptr;
  signal->opened();
  return handle;
}

}  // namespace

void* LoopSignal::start(Napi::Env env, void (*called)(void* owner), void* owner) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto* signal = new Signal(loop, called, owner);
  void* handle = open_handle(signal);
  if (handle != nullptr && signal->keep(env)) return handle;
  signal->close();
  return nullptr;
}

void LoopSignal::send(void* signal) { uv_async_send(signal); }

}  // namespace vfio_native
