#include "loop_poll.h"

#include <algorithm>

#include "loop_handles.h"
#include "syscalls.h"

namespace vfio_native {

namespace {

struct Poll : LoopHandles {
  Poll(uv_loop_s* loop, const LoopPoll::Callbacks& called, HaltPoll& polled, void* told)
      : LoopHandles(loop), callbacks(called), halt_poll(polled), owner(told) {}

  const LoopPoll::Callbacks callbacks;
  HaltPoll& halt_poll;
  void* const owner;
  /** When the loop began to wait, ns; 0 while it does not. */
  int64_t waits_since = 0;
};

/** Ends the loop's wait: what comes now are callbacks. */
void wake(Poll* poll, bool interrupted) {
  if (poll->waits_since == 0) return;
  poll->halt_poll.waited(sys::now_ns() - poll->waits_since, interrupted);
  poll->waits_since = 0;
}

void on_event(void* handle, int status, int) {
  Poll* poll = owner_of<Poll>(handle);
  wake(poll, true);
  if (status >= 0) poll->callbacks.ready(poll->owner);
}

void on_prepare(void* handle) {
  Poll* poll = owner_of<Poll>(handle);
  const int timeout_ms = uv_backend_timeout(poll->loop());
  if (timeout_ms == 0) return;
  poll->callbacks.sleeps(poll->owner);
  poll->waits_since = sys::now_ns();
  int64_t window = poll->halt_poll.window();
  if (window == 0) return;
  // No longer than until the next timer.
  if (timeout_ms > 0) window = std::min(window, int64_t{timeout_ms} * 1'000'000);
  // The loop's own epoll: whatever it waits for ends this, too.
  const int epoll = uv_backend_fd(poll->loop());
  while (!sys::readable(epoll) && sys::now_ns() - poll->waits_since < window) continue;
  // The loop reckons its timers from what it took for the time before.
  uv_update_time(poll->loop());
}

void on_check(void* handle) {
  Poll* poll = owner_of<Poll>(handle);
  wake(poll, false);
  poll->callbacks.awake(poll->owner);
}

bool open_handles(Poll* poll, int fd) {
  uv_loop_s* const loop = poll->loop();
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
  auto* poll = new Poll(loop, callbacks, halt_poll, owner);
  if (!open_handles(poll, fd) || !poll->keep(env)) poll->close();
}

}  // namespace vfio_native
