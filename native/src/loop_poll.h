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
    /** The loop is about to wait for `fd` among others. */
    void (*sleeps)(void* owner);
    /** Until it looks no more there are no calls but `take`. */
    void (*looks)(void* owner, bool on);
    /** `fd` may be readable. @returns whether to call `tell` */
    bool (*take)(void* owner);
    /** The wait is over. */
    void (*awake)(void* owner);
    /** Runs JavaScript. */
    void (*tell)(void* owner);
  };

  /**
   * Polls `fd` in the environment's loop until that ends; never keeps it alive.
   * @param halt_poll of the owner, which outlives the loop's last wait
   */
  static void start(Napi::Env env, int fd, const Callbacks& callbacks, HaltPoll& halt_poll,
                    void* owner);
};

}  // namespace vfio_native
