#include "loop_poll.h"

#include <cstring>
#include <memory>

// libuv, as Node exports it: its headers do not come with those of Node-API.
// All of this is the stable interface of libuv 1.
extern "C" {
size_t uv_handle_size(int type);
const char* uv_handle_type_name(int type);
int uv_poll_init(uv_loop_s* loop, void* handle, int fd);
int uv_poll_start(void* handle, int events, void (*callback)(void* handle, int status, int events));
void uv_close(void* handle, void (*callback)(void* handle));
void uv_unref(void* handle);
void* uv_handle_get_data(const void* handle);
void uv_handle_set_data(void* handle, void* data);
}

namespace vfio_native {

namespace {

constexpr int kUvPoll = 8;
constexpr int kUvReadable = 1;

/** The handle and what it needs; deleted when libuv has closed it. */
struct Poll {
  std::unique_ptr<char[]> handle;
  LoopPoll::Ready ready;
  void* owner;
  napi_async_cleanup_hook_handle hook;

  static Poll* of(void* handle) { return static_cast<Poll*>(uv_handle_get_data(handle)); }
};

void on_event(void* handle, int status, int) {
  const Poll* poll = Poll::of(handle);
  if (status >= 0) poll->ready(poll->owner);
}

void on_closed(void* handle) {
  Poll* poll = Poll::of(handle);
  // Without a hook it was never started.
  if (poll->hook != nullptr) napi_remove_async_cleanup_hook(poll->hook);
  delete poll;
}

void on_teardown(napi_async_cleanup_hook_handle, void* data) {
  uv_close(static_cast<Poll*>(data)->handle.get(), on_closed);
}

}  // namespace

void LoopPoll::start(Napi::Env env, int fd, Ready ready, void* owner) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return;
  const char* name = uv_handle_type_name(kUvPoll);
  if (name == nullptr || std::strcmp(name, "poll") != 0) return;
  auto poll = std::make_unique<Poll>();
  poll->handle = std::make_unique<char[]>(uv_handle_size(kUvPoll));
  poll->ready = ready;
  poll->owner = owner;
  poll->hook = nullptr;
  void* handle = poll->handle.get();
  if (uv_poll_init(loop, handle, fd) != 0) return;
  // From here on libuv knows the handle, and on_closed() deletes it.
  uv_handle_set_data(handle, poll.release());
  if (uv_poll_start(handle, kUvReadable, on_event) != 0 ||
      napi_add_async_cleanup_hook(env, on_teardown, Poll::of(handle), &Poll::of(handle)->hook) !=
          napi_ok) {
    uv_close(handle, on_closed);
    return;
  }
  uv_unref(handle);
}

}  // namespace vfio_native
