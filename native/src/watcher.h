// One thread that drains thousands of trigger eventfds into doorbells.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "doorbell.h"
#include "gate.h"
#include "owned.h"

namespace vfio_native {

/**
 * No wake-up is lost, comes twice or comes late:
 *
 * - Draining an eventfd and ringing for what was in it happen under one mutex,
 *   whoever does it. So a count is in exactly one place: in the eventfd or in
 *   the doorbell. unwatch() and read() take the mutex too, and then nothing is
 *   on its way.
 * - epoll is level triggered: a signal that arrives after the drain makes the
 *   eventfd readable again, and the next epoll_wait() returns at once.
 * - A ring that found the doorbell silent queues it for the owner, once
 *   (`queued`), and the first one queued calls `notify`. take_rung() empties
 *   the queue and clears both marks under the mutex *before* the owner looks at
 *   its doorbells: a ring before that is seen by the owner, one after that
 *   queues and notifies again.
 * - A ring that found the doorbell ringing needs no wake-up: the one that made
 *   it ring has queued it, and the owner has not answered yet (answering sets
 *   the summary to 0 first).
 * - The thread and poll() may have the same events: the second one finds the
 *   eventfd empty.
 * - An owner that sleeps on the epoll is woken by the kernel itself. The thread
 *   then keeps out of its way for a while, once each time the owner sleeps, as it
 *   would only compete for the lock and the core; what is still there afterwards
 *   the thread delivers, whatever the owner does.
 * - An owner that looks at the epoll without a pause is not disturbed at all: the
 *   thread waits behind a gate then (gate.h).
 * - Events carry a number that is never used again, so an event of a watch that
 *   has ended, or of a descriptor that was closed and opened anew, finds nothing.
 */
class Watcher {
 public:
  /** @param notify called under no lock, on either thread, when take_rung() has something new */
  explicit Watcher(std::function<void()> notify);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  /** Ends the thread. */
  ~Watcher();

  /** From now on signals of `fd` arrive at `doorbell`; 0 or −errno. */
  int watch(int fd, std::shared_ptr<Doorbell> doorbell, uint32_t line);
  /** Delivers what waits, and ends the watch; −ENOENT when there is none. */
  int unwatch(int fd);
  /** Ends the watch, if there is one, without delivering. */
  void forget(int fd);
  bool watches(int fd) const { return by_fd_.count(fd) != 0; }
  /** read(2) of a watched eventfd: what was on its way is in the doorbell when it returns. */
  ssize_t read(int fd, void* buffer, size_t length);
  /**
   * Does now what the thread is about to do: for an owner that is awake anyway.
   * @returns whether take_rung() has something
   */
  bool poll();
  /** The owner is about to wait for epoll(), and calls poll() when it becomes readable. */
  void owner_sleeps() {
    if (const uint32_t now = naps_.load(std::memory_order_relaxed); (now & 1) == 0) naps_ = now + 1;
  }
  /** Meanwhile the owner calls poll() without a pause; until it does anything else. */
  void owner_looks(bool on) { gate_.look(on); }
  /** It does not wait any more. */
  void owner_is_awake() {
    if (const uint32_t now = naps_.load(std::memory_order_relaxed); (now & 1) != 0) naps_ = now + 1;
  }
  /** The epoll that both the thread and poll() look at; −1 before the first watch that succeeded. */
  int epoll() const { return epoll_.get(); }
  /** The doorbells that have rung, or have lines that hung up, since the last call. */
  std::vector<std::shared_ptr<Doorbell>> take_rung();
  uint32_t count() const { return static_cast<uint32_t>(by_fd_.size()); }

 private:
  struct Watch {
    int fd;
    uint32_t line;
    std::shared_ptr<Doorbell> doorbell;
    /** The kernel will signal it no more, and its owner hears of that once. */
    bool hung_up = false;
  };

  /** The first time: the epolls and the thread, or none. */
  int start();
  /** The thread; both descriptors are open until it has ended. */
  void run(int epoll, int stop);
  /** The thread: whether the owner is being woken, in which case it has had its time for that. */
  bool left_to_owner(uint32_t& nap, int stop);
  /** With the mutex: delivers what `events` tells. @returns whether to notify */
  bool deliver_all(const epoll_event* events, int count);
  /** With the mutex. @returns whether to notify */
  bool deliver(const Watch& watch);
  /** With the mutex. @returns whether to notify */
  bool hang_up(Watch& watch);
  bool queue(const std::shared_ptr<Doorbell>& doorbell);

  const std::function<void()> notify_;
  OwnedFd epoll_;
  OwnedFd stop_;
  Gate gate_;
  std::thread thread_;
  uint64_t next_id_ = 1;
  /** Only the owner's thread uses it. */
  std::unordered_map<int, uint64_t> by_fd_;

  std::atomic<bool> stopping_ = false;
  /** Odd while the owner sleeps; counts how often it did. */
  std::atomic<uint32_t> naps_ = 0;

  std::mutex mutex_;
  std::unordered_map<uint64_t, Watch> watches_;
  std::vector<std::shared_ptr<Doorbell>> rung_;
};

}  // namespace vfio_native
