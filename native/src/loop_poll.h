// The event loop's own look at the watcher's epoll. The thread alone would do,
// but a loop that sleeps would be woken through it, one hop later.
#pragma once

#include <napi.h>

#include "halt_poll.h"

namespace vfio_native {

class LoopPoll {
 public:
  /** Called on the loop's thread, each with the owner. */
  struct Callbacks {
    /** `fd` is readable. */
    void (*ready)(void* owner);
    /** The loop is about to wait; `ready` comes when `fd` becomes readable meanwhile. */
    void (*sleeps)(void* owner);
    /** It has waited, and called back whoever had something. */
    void (*awake)(void* owner);
  };

  /**
   * Polls `fd` in the environment's loop until that ends; never keeps it alive.
   * @param halt_poll of the owner, which outlives the loop's last wait
   */
  static void start(Napi::Env env, int fd, const Callbacks& callbacks, HaltPoll& halt_poll,
                    void* owner);
};

}  // namespace vfio_native
