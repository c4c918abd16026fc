// Handles of libuv that live as long as their environment.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <napi.h>

#include "libuv.h"

namespace vfio_native {

/**
 * Up to three handles in the environment's loop, and what they need: derive from
 * it, open them, then keep() it. They never keep the loop alive. It is made by
 * new, and deletes itself when libuv has closed the last handle.
 */
class LoopHandles {
 public:
  LoopHandles(const LoopHandles&) = delete;
  LoopHandles& operator=(const LoopHandles&) = delete;
  virtual ~LoopHandles() = default;

  uv_loop_s* loop() const { return loop_; }
  /** Room for the next handle, or nullptr where this libuv numbers them otherwise. */
  void* room(const uv::Kind& kind);
  /** libuv knows the handle in the room from here on. */
  void opened();
  /** Keeps it until the environment ends. @returns whether that will be noticed */
  bool keep(Napi::Env env);
  /** Closes the handles, and with them this. */
  void close();

 protected:
  explicit LoopHandles(uv_loop_s* loop) : loop_(loop) {}

 private:
  static void on_closed(void* handle);

  uv_loop_s* const loop_;
  std::array<std::unique_ptr<char[]>, 3> handles_;
  size_t open_ = 0;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

/** What the handle belongs to. */
template <typename Owner>
Owner* owner_of(void* handle) {
  return static_cast<Owner*>(static_cast<LoopHandles*>(uv_handle_get_data(handle)));
}

}  // namespace vfio_native
