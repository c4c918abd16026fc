#include "loop_poll.h"

#include <algorithm>
#include <array>
#include <memory>

#include "libuv.h"
#include "syscalls.h"

namespace vfio_native {

namespace {

/** The handles and what they need; deleted when libuv has closed the last of them. */
struct Poll {
  LoopPoll::Callbacks callbacks;
  HaltPoll& halt_poll;
  void* owner;
  uv_loop_s* loop;
  /** When the loop began to wait, ns; 0 while it does not. */
  int64_t waits_since = 0;
  napi_async_cleanup_hook_handle hook = nullptr;
  std::array<std::unique_ptr<char[]>, 3> handles;
  size_t open = 0;

  static Poll* of(void* handle) { return static_cast<Poll*>(uv_handle_get_data(handle)); }

  /** Room for the next handle, or nullptr where this libuv numbers them otherwise. */
  void* room(const uv::Kind& kind) {
    if (!uv::has(kind)) return nullptr;
    handles[open] = std::make_unique<char[]>(uv_handle_size(kind.type));
    return handles[open].get();
  }

  /** From here on libuv knows the handle. */
  void opened() {
    void* handle = handles[open++].get();
    uv_handle_set_data(handle, this);
    uv_unref(handle);
  }
};

/** Ends the loop's wait: what comes now are callbacks. */
void wake(Poll* poll, bool interrupted) {
  if (poll->waits_since == 0) return;
  poll->halt_poll.waited(sys::now_ns() - poll->waits_since, interrupted);
  poll->waits_since = 0;
}

void on_event(void* handle, int status, int) {
  Poll* poll = Poll::of(handle);
  wake(poll, true);
  if (status >= 0) poll->callbacks.ready(poll->owner);
}

void on_prepare(void* handle) {
  Poll* poll = Poll::of(handle);
  const int timeout_ms = uv_backend_timeout(poll->loop);
  if (timeout_ms == 0) return;
  poll->callbacks.sleeps(poll->owner);
  poll->waits_since = sys::now_ns();
  int64_t window = poll->halt_poll.window();
  if (window == 0) return;
  // No longer than until the next timer.
  if (timeout_ms > 0) window = std::min(window, int64_t{timeout_ms} * 1'000'000);
  // The loop's own epoll: whatever it waits for ends this, too.
  const int epoll = uv_backend_fd(poll->loop);
  while (!sys::readable(epoll) && sys::now_ns() - poll->waits_since < window) continue;
  // The loop reckons its timers from what it took for the time before.
  uv_update_time(poll->loop);
}

void on_check(void* handle) {
  Poll* poll = Poll::of(handle);
  wake(poll, false);
  poll->callbacks.awake(poll->owner);
}

void on_closed(void* handle) {
  Poll* poll = Poll::of(handle);
  if (--poll->open > 0) return;
  // Without a hook it was never started.
  if (poll->hook != nullptr) napi_remove_async_cleanup_hook(poll->hook);
  delete poll;
}

void close(Poll* poll) {
  if (poll->open == 0) delete poll;
  // Closing never calls back at once.
  else for (size_t i = 0; i < poll->open; i++) uv_close(poll->handles[i].get(), on_closed);
}

void on_teardown(napi_async_cleanup_hook_handle, void* data) { close(static_cast<Poll*>(data)); }

bool open_handles(Poll* poll, uv_loop_s* loop, int fd) {
  void* handle = poll->room(uv::kPoll);
  if (handle == nullptr || uv_poll_init(loop, handle, fd) != 0) return false;
  poll->opened();
  if (uv_poll_start(handle, uv::kReadable, on_event) != 0) return false;
  handle = poll->room(uv::kPrepare);
  if (handle == nullptr || uv_prepare_init(loop, handle) != 0) return false;
  poll->opened();
  uv_prepare_start(handle, on_prepare);
  handle = poll->room(uv::kCheck);
  if (handle == nullptr || uv_check_init(loop, handle) != 0) return false;
  poll->opened();
  uv_check_start(handle, on_check);
  return true;
}

}  // namespace

void LoopPoll::start(Napi::Env env, int fd, const Callbacks& callbacks, HaltPoll& halt_poll,
                     void* owner) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return;
  auto* poll = new Poll{callbacks, halt_poll, owner, loop};
  if (!open_handles(poll, loop, fd) ||
      napi_add_async_cleanup_hook(env, on_teardown, poll, &poll->hook) != napi_ok) {
    close(poll);
  }
}

}  // namespace vfio_native
