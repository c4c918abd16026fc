#include "loop_poll.h"

#include <array>
#include <cstring>
#include <memory>

#include "syscalls.h"

// libuv, as Node exports it: its headers do not come with those of Node-API.
// All of this is the stable interface of libuv 1.
extern "C" {
size_t uv_handle_size(int type);
const char* uv_handle_type_name(int type);
int uv_poll_init(uv_loop_s* loop, void* handle, int fd);
int uv_poll_start(void* handle, int events, void (*callback)(void* handle, int status, int events));
int uv_prepare_init(uv_loop_s* loop, void* handle);
int uv_prepare_start(void* handle, void (*callback)(void* handle));
int uv_check_init(uv_loop_s* loop, void* handle);
int uv_check_start(void* handle, void (*callback)(void* handle));
int uv_backend_fd(const uv_loop_s* loop);
int uv_backend_timeout(const uv_loop_s* loop);
void uv_close(void* handle, void (*callback)(void* handle));
void uv_unref(void* handle);
void* uv_handle_get_data(const void* handle);
void uv_handle_set_data(void* handle, void* data);
}

namespace vfio_native {

namespace {

constexpr int kUvReadable = 1;

struct Kind {
  int type;
  const char* name;
};
constexpr Kind kPoll{8, "poll"}, kPrepare{9, "prepare"}, kCheck{2, "check"};

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
  void* room(const Kind& kind) {
    const char* name = uv_handle_type_name(kind.type);
    if (name == nullptr || std::strcmp(name, kind.name) != 0) return nullptr;
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
  poll->callbacks.sleeps(poll->owner);
  const int timeout_ms = uv_backend_timeout(poll->loop);
  if (timeout_ms == 0) return;
  poll->waits_since = sys::now_ns();
  const int64_t window = poll->halt_poll.window();
  if (window == 0) return;
  // The loop's own epoll: whatever it waits for ends this, too.
  const int epoll = uv_backend_fd(poll->loop);
  while (!sys::readable(epoll) && sys::now_ns() - poll->waits_since < window) continue;
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
  void* handle = poll->room(kPoll);
  if (handle == nullptr || uv_poll_init(loop, handle, fd) != 0) return false;
  poll->opened();
  if (uv_poll_start(handle, kUvReadable, on_event) != 0) return false;
  handle = poll->room(kPrepare);
  if (handle == nullptr || uv_prepare_init(loop, handle) != 0) return false;
  poll->opened();
  uv_prepare_start(handle, on_prepare);
  handle = poll->room(kCheck);
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
