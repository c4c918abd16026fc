// The event loop's own look at the watcher's epoll. The thread alone would do,
// but a loop that sleeps would be woken through it, one hop later.
#pragma once

#include <napi.h>

namespace vfio_native {

class LoopPoll {
 public:
  using Ready = void (*)(void* owner);

  /** Calls `ready(owner)` on the loop's thread while `fd` is readable; never keeps the loop alive. */
  static void start(Napi::Env env, int fd, Ready ready, void* owner);
};

}  // namespace vfio_native
