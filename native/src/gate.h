// Where the watcher's thread waits while the event loop looks for signals itself.
#pragma once

#include <atomic>
#include <mutex>

#include "owned.h"

namespace vfio_native {

/**
 * An epoll around the watcher's, which says nothing while the owner looks at
 * that one over and over: each signal would wake the thread as well, which has
 * nothing to do then and takes the owner's core to find that out.
 *
 * What is parked and who looks may change at the same time on two threads: each
 * writes its own of the two before it reads the other's, and what the epoll then
 * tells of is decided under a mutex by what both are at that moment.
 */
class Gate {
 public:
  /** In front of `epoll`, with a way past it for `stop`; 0 or −errno. */
  int open(int epoll, int stop) {
    const int created = sys::epoll_create();
    if (created < 0) return created;
    OwnedFd fd(created);
    const int stopping = sys::epoll_add(fd.get(), stop, 0);
    if (stopping < 0) return stopping;
    const int watching = sys::epoll_add(fd.get(), epoll, 0);
    if (watching < 0) return watching;
    // A signal takes longer with every epoll that has to hear of it.
    const int silent = sys::epoll_listen(fd.get(), epoll, false);
    if (silent < 0) return silent;
    fd_ = std::move(fd);
    watched_ = epoll;
    return 0;
  }
  void close() { fd_.close(); }

  /** The owner begins to look, or stops; it stops before it does anything else. */
  void look(bool on) {
    looking_ = on;
    if (parked_) set();
  }
  bool looking() const { return looking_; }

  /** The thread: whether it waits here. Only the thread changes that. */
  bool parked() const { return parked_; }
  void park(bool on) {
    if (parked_ == on) return;
    parked_ = on;
    set();
  }
  /** Until there is something and the owner does not look, or until the end. */
  void wait() {
    epoll_event event;
    sys::epoll_wait(fd_.get(), &event, 1, -1);
  }

 private:
  void set() {
    const std::lock_guard lock(mutex_);
    sys::epoll_listen(fd_.get(), watched_, parked_ && !looking_);
  }

  OwnedFd fd_;
  int watched_ = -1;
  std::atomic<bool> looking_ = false;
  std::atomic<bool> parked_ = false;
  std::mutex mutex_;
};

}  // namespace vfio_native
