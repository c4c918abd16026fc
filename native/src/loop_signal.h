// A call in the event loop that anybody may ask for, a signal handler too.
#pragma once

#include <napi.h>

namespace vfio_native {

class LoopSignal {
 public:
  /**
   * Has `called(owner)` run on the loop's thread, soon after each send(), until the
   * environment ends. Never keeps the loop alive.
   * @returns for send(), or nullptr where that does not work
   */
  static void* start(Napi::Env env, void (*called)(void* owner), void* owner);
  /** From any thread, and safe in signal handlers. */
  static void send(void* signal);
};

}  // namespace vfio_native
