#include "loop_poll.h"

#include <algorithm>

#include "loop_handles.h"
#include "syscalls.h"

namespace vfio_native {

namespace {

/** The same as the longest that a loop looks around. */
constexpr int64_t kLongestRoundNs = HaltPoll::kMostUs * int64_t{1000};

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
  if (status < 0) return;
  const LoopPoll::Callbacks& call = poll->callbacks;
  call.awake(poll->owner);
  if (call.take(poll->owner)) call.tell(poll->owner);
}

/** Looks for `window` ns. @returns whether there is something to tell */
bool look_around(Poll* poll, int64_t window) {
  // The loop's own epoll: whatever it waits for ends this, too.
  const int epoll = uv_backend_fd(poll->loop());
  bool taken = false;
  poll->callbacks.looks(poll->owner, true);
  do {
    taken = poll->callbacks.take(poll->owner);
  } while (!taken && !sys::readable(epoll) && sys::now_ns() - poll->waits_since < window);
  poll->callbacks.looks(poll->owner, false);
  return taken;
}

/** The loop begins to wait. @returns whether it has taken something instead, and told of it */
bool wait(Poll* poll) {
  // 0 also while libuv has descriptors that it has not given to the kernel yet.
  const int timeout_ms = uv_backend_timeout(poll->loop());
  if (timeout_ms == 0) return false;
  poll->callbacks.sleeps(poll->owner);
  poll->waits_since = sys::now_ns();
  int64_t window = poll->halt_poll.window();
  if (window == 0) return false;
  // No longer than until the next timer.
  if (timeout_ms > 0) window = std::min(window, int64_t{timeout_ms} * 1'000'000);
  const bool taken = look_around(poll, window);
  if (taken) {
    wake(poll, true);
    poll->callbacks.awake(poll->owner);
    poll->callbacks.tell(poll->owner);
  }
  // The loop reckons its timers from what it took for the time before.
  uv_update_time(poll->loop());
  return taken;
}

void on_prepare(void* handle) {
  Poll* poll = owner_of<Poll>(handle);
  // A round through the loop asks the kernel twice more for each signal. It is
  // made as soon as there is something for others, and now and then in any case:
  // who only comes along with a round (uv_check_t, setImmediate().unref()) cannot
  // be seen from here.
  const int64_t end = sys::now_ns() + kLongestRoundNs;
  while (wait(poll) && !sys::readable(uv_backend_fd(poll->loop())) && sys::now_ns() < end) continue;
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
