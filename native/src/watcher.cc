#include "watcher.h"

#include <csignal>
#include <system_error>

#include <pthread.h>

namespace vfio_native {

namespace {

constexpr uint64_t kStop = 0;
/** Events taken at once; the owner waits for no more than these. */
constexpr int kBatch = 64;
/** Longer than a core of a virtual machine needs to wake up. */
constexpr long kHeadStartNs = 100'000;

}  // namespace

Watcher::Watcher(std::function<void()> notify) : notify_(std::move(notify)) {}

Watcher::~Watcher() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const uint64_t one = 1;
  sys::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

int Watcher::start() {
  if (thread_.joinable()) return 0;
  const int epoll_fd = sys::epoll_create();
  if (epoll_fd < 0) return epoll_fd;
  // Ours only when all of it works: libuv would poll an epoll that is gone.
  OwnedFd epoll(epoll_fd);
  const int stop_fd = sys::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) return stop_fd;
  OwnedFd stop(stop_fd);
  const int added = sys::epoll_add(epoll_fd, stop_fd, kStop);
  if (added < 0) return added;
  const int gated = gate_.open(epoll_fd, stop_fd);
  if (gated < 0) return gated;
  // Signals are for the threads of the process that expect them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = 0;
  try {
    thread_ = std::thread(&Watcher::run, this, epoll_fd, stop_fd);
    pthread_setname_np(thread_.native_handle(), "vfio-irq");
  } catch (const std::system_error&) {
    status = -EAGAIN;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (status < 0) {
    gate_.close();
    return status;
  }
  epoll_ = std::move(epoll);
  stop_ = std::move(stop);
  return 0;
}

int Watcher::watch(int fd, std::shared_ptr<Doorbell> doorbell, uint32_t line) {
  if (line >= doorbell->lines()) return -EINVAL;
  if (watches(fd)) return -EEXIST;
  const int flags = sys::status_flags(fd);
  if (flags < 0) return flags;
  // Somebody else may drain it first: a blocking read would stop the thread.
  if ((flags & O_NONBLOCK) == 0) return -EINVAL;
  const int started = start();
  if (started < 0) return started;
  const uint64_t id = next_id_++;
  {
    const std::lock_guard lock(mutex_);
    watches_.emplace(id, Watch{fd, line, std::move(doorbell)});
  }
  const int added = sys::epoll_add(epoll_.get(), fd, id);
  if (added < 0) {
    const std::lock_guard lock(mutex_);
    watches_.erase(id);
    return added;
  }
  by_fd_.emplace(fd, id);
  return 0;
}

int Watcher::unwatch(int fd) {
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) return -ENOENT;
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    const auto watch = watches_.find(found->second);
    notify = deliver(watch->second);
    sys::epoll_remove(epoll_.get(), fd);
    watches_.erase(watch);
  }
  by_fd_.erase(found);
  if (notify) notify_();
  return 0;
}

void Watcher::forget(int fd) {
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) return;
  {
    const std::lock_guard lock(mutex_);
    sys::epoll_remove(epoll_.get(), fd);
    watches_.erase(found->second);
  }
  by_fd_.erase(found);
}

ssize_t Watcher::read(int fd, void* buffer, size_t length) {
  bool notify = false;
  ssize_t result;
  {
    const std::lock_guard lock(mutex_);
    result = sys::read(fd, buffer, length);
    // The reader may put the count into the doorbell itself, which wakes nobody.
    if (result > 0) notify = queue(watches_.find(by_fd_.at(fd))->second.doorbell);
  }
  if (notify) notify_();
  return result;
}

std::vector<std::shared_ptr<Doorbell>> Watcher::take_rung() {
  const std::lock_guard lock(mutex_);
  for (const auto& doorbell : rung_) {
    doorbell->queued = false;
    doorbell->told_hung_up = std::exchange(doorbell->hung_up, {});
  }
  return std::exchange(rung_, {});
}

bool Watcher::queue(const std::shared_ptr<Doorbell>& doorbell) {
  if (doorbell->queued) return false;
  doorbell->queued = true;
  rung_.push_back(doorbell);
  return rung_.size() == 1;
}

bool Watcher::deliver(const Watch& watch) {
  uint64_t count = 0;
  if (sys::read(watch.fd, &count, sizeof count) != sizeof count) return false;
  return watch.doorbell->ring(watch.line, count) && queue(watch.doorbell);
}

bool Watcher::hang_up(Watch& watch) {
  // The other thread may have the same event.
  if (watch.hung_up) return false;
  watch.hung_up = true;
  sys::epoll_remove(epoll_.get(), watch.fd);
  watch.doorbell->hung_up.push_back(watch.line);
  return queue(watch.doorbell);
}

bool Watcher::deliver_all(const epoll_event* events, int count) {
  bool notify = false;
  for (int i = 0; i < count; i++) {
    const auto found = watches_.find(events[i].data.u64);
    if (found == watches_.end()) continue;
    if (deliver(found->second)) notify = true;
    // Level triggered: what can never be read again would keep us awake.
    if ((events[i].events & EPOLLIN) == 0 && hang_up(found->second)) notify = true;
  }
  return notify;
}

bool Watcher::poll() {
  if (!epoll_.valid()) return false;
  epoll_event events[kBatch];
  const int ready = sys::epoll_wait(epoll_.get(), events, kBatch, 0);
  const std::lock_guard lock(mutex_);
  // The caller looks at what has rung: nobody else has to be told.
  if (ready > 0) deliver_all(events, ready);
  return !rung_.empty();
}

bool Watcher::left_to_owner(uint32_t& nap, int stop) {
  const uint32_t now = naps_;
  if ((now & 1) == 0 || now == nap) return false;
  nap = now;
  sys::readable(stop, kHeadStartNs);
  return true;
}

void Watcher::run(int epoll, int stop) {
  epoll_event events[kBatch];
  uint32_t nap = 0;
  for (;;) {
    if (gate_.parked()) gate_.wait();
    const int ready = sys::epoll_wait(epoll, events, kBatch, gate_.parked() ? 0 : -1);
    if (stopping_) return;
    if (ready == -EINTR) continue;
    if (ready < 0) return;
    if (gate_.looking()) {
      gate_.park(true);
      continue;
    }
    if (ready == 0 || left_to_owner(nap, stop)) continue;
    bool notify = false;
    {
      const std::lock_guard lock(mutex_);
      notify = deliver_all(events, ready);
    }
    // While it is the thread that delivers, waiting without the gate is faster.
    gate_.park(false);
    if (notify) notify_();
  }
}

}  // namespace vfio_native
