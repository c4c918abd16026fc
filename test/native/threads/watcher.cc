// The threaded parts of the addon without Node: what rings, what wakes, and
// what is watched and unwatched meanwhile. Made to run under ThreadSanitizer
// (npm run test:tsan); the counts must come out right in any case.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "../../../native/src/halt_poll.h"
#include "../../../native/src/watcher.h"

using vfio_native::Doorbell;
using vfio_native::DoorbellLayout;
using vfio_native::Watcher;

namespace {

constexpr uint32_t kLines = 96;
/** Devices of one environment share the watcher; line i is one of core i % kCores. */
constexpr uint32_t kCores = 4;
constexpr int kWriters = 4;
constexpr int kSignals = 20000;
constexpr uint64_t kMostAtOnce = 3;

/** Linear memory with a doorbell, answered as a core does. */
struct Core {
  static constexpr DoorbellLayout kLayout{0, 64, 256, kLines};
  alignas(64) uint8_t memory[1024] = {};
  std::shared_ptr<Doorbell> doorbell =
      std::make_shared<Doorbell>(1, memory, kLayout, nullptr);
  uint64_t counted[kLines] = {};

  std::atomic_ref<uint32_t> word(uint32_t offset) {
    return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(memory + offset));
  }

  /** Summary first, then words, then counts: a ring meanwhile sets the summary again. */
  void answer() {
    uint32_t summary = word(kLayout.summary).exchange(0);
    for (uint32_t w = 0; summary != 0; w++, summary >>= 1) {
      if ((summary & 1) == 0) continue;
      uint32_t lines = word(kLayout.words + 4 * w).exchange(0);
      for (uint32_t bit = 0; lines != 0; bit++, lines >>= 1) {
        if ((lines & 1) != 0) {
          const uint32_t line = w * 32 + bit;
          counted[line] += word(kLayout.counts + 4 * line).exchange(0);
        }
      }
    }
  }
};

/** Where the event loop would be woken. */
class Wakeups {
 public:
  void notify() {
    const std::lock_guard lock(mutex_);
    pending_++;
    woken_.notify_one();
  }
  /** Waits a little for a wake-up. */
  void wait() {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, std::chrono::milliseconds(2), [&] { return pending_ > 0; });
    pending_ = 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  int pending_ = 0;
};

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "watcher: %s\n", what);
  std::exit(1);
}

void write_signals(int seed, const std::vector<int>& fds, std::atomic<uint64_t>* written) {
  std::mt19937 random(static_cast<unsigned>(seed));
  for (int i = 0; i < kSignals; i++) {
    const uint32_t line = random() % kLines;
    const uint64_t count = 1 + random() % kMostAtOnce;
    written[line] += count;
    require(vfio_native::sys::write(fds[line], &count, sizeof count) == sizeof count, "write");
  }
}

/** Looks at the epoll without a pause, as an event loop does before it sleeps. */
void look_around(Watcher& watcher, int times) {
  watcher.owner_sleeps();
  watcher.owner_looks(true);
  while (!watcher.poll() && times > 0) times--;
  watcher.owner_looks(false);
  watcher.owner_is_awake();
}

/** The owner's life: looks, answers, reads, and takes lines out and in again. */
void own(Watcher& watcher, Core* cores, const std::vector<int>& fds, Wakeups& wakeups,
         const std::atomic<int>& running) {
  std::mt19937 random(99);
  while (running > 0) {
    if (random() % 4 == 0) look_around(watcher, static_cast<int>(random() % 100));
    else wakeups.wait();
    watcher.take_rung();
    for (uint32_t i = 0; i < kCores; i++) cores[i].answer();
    const uint32_t line = random() % kLines;
    Core& core = cores[line % kCores];
    if (random() % 4 == 0) {
      uint64_t count = 0;
      if (watcher.read(fds[line], &count, sizeof count) > 0) core.counted[line] += count;
    } else if (random() % 3 == 0) {
      require(watcher.unwatch(fds[line]) == 0, "unwatch");
      require(!watcher.watches(fds[line]), "an ended watch is gone");
      require(watcher.watch(fds[line], core.doorbell, line) == 0, "watch again");
    }
  }
}

void no_signal_is_lost_or_doubled() {
  Core cores[kCores];
  Wakeups wakeups;
  std::vector<int> fds;
  std::unique_ptr<std::atomic<uint64_t>[]> written(new std::atomic<uint64_t>[kLines]());
  {
    Watcher watcher([&] { wakeups.notify(); });
    for (uint32_t line = 0; line < kLines; line++) {
      fds.push_back(vfio_native::sys::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
      require(watcher.watch(fds[line], cores[line % kCores].doorbell, line) == 0, "watch");
    }
    std::atomic<int> running = kWriters;
    std::vector<std::thread> writers;
    for (int seed = 0; seed < kWriters; seed++) {
      writers.emplace_back([&, seed] {
        write_signals(seed, fds, written.get());
        running--;
      });
    }
    own(watcher, cores, fds, wakeups, running);
    for (auto& writer : writers) writer.join();
    for (int fd : fds) require(watcher.unwatch(fd) == 0, "unwatch at the end");
    watcher.take_rung();
    for (Core& core : cores) core.answer();
  }
  for (uint32_t line = 0; line < kLines; line++) {
    require(cores[line % kCores].counted[line] == written[line], "a count is not what was written");
    vfio_native::sys::close(fds[line]);
  }
}

/** A watcher of one eventfd, for line 5 of a core, and how often it has notified. */
struct Watched {
  Core core;
  std::atomic<int> notified = 0;
  Watcher watcher{[this] { notified++; }};
  const int fd = vfio_native::sys::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

  Watched() { require(watcher.watch(fd, core.doorbell, 5) == 0, "watch"); }
  ~Watched() {
    watcher.forget(fd);
    vfio_native::sys::close(fd);
  }
};

/** After a ring the owner is woken without asking again and again. */
void every_ring_wakes() {
  Watched watched;
  auto& [core, notified, watcher, fd] = watched;
  for (int round = 1; round <= 3000; round++) {
    const uint64_t one = 1;
    vfio_native::sys::write(fd, &one, sizeof one);
    while (notified.load() < round) std::this_thread::yield();
    require(watcher.take_rung().size() == 1, "one doorbell has rung");
    core.answer();
    require(core.counted[5] == static_cast<uint64_t>(round), "the signal has arrived with its wake-up");
  }
  require(notified == 3000, "one wake-up for each ring");
}

/** Watchers come and go while signals arrive. */
void ends_while_signals_arrive() {
  for (int round = 0; round < 200; round++) {
    Core core;
    const int fd = vfio_native::sys::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::thread writer([fd] {
      const uint64_t one = 1;
      for (int i = 0; i < 200; i++) vfio_native::sys::write(fd, &one, sizeof one);
    });
    {
      Watcher watcher([] {});
      require(watcher.watch(fd, core.doorbell, 0) == 0, "watch");
    }
    writer.join();
    vfio_native::sys::close(fd);
  }
}

/** The thread leaves events to an owner that sleeps, but not for ever, and not twice in one sleep. */
void a_sleeping_owner_comes_first() {
  Watched watched;
  auto& [core, notified, watcher, fd] = watched;
  const uint64_t one = 1;
  uint64_t rung = 0;
  int first = 0;
  for (int round = 0; round < 500; round++) {
    watcher.owner_sleeps();
    vfio_native::sys::write(fd, &one, sizeof one);
    // The kernel tells the owner, unless that is so slow that the thread has been there.
    while (!vfio_native::sys::readable(watcher.epoll()) && core.word(Core::kLayout.summary) == 0) {
      std::this_thread::yield();
    }
    watcher.owner_is_awake();
    if (watcher.poll() && notified == 0) first++;
    for (notified = 0; watcher.take_rung().empty();) std::this_thread::yield();
    notified = 0;
    core.answer();
    require(core.counted[5] == ++rung, "the signal has arrived");
  }
  require(first > 0, "the owner is the first at times");
  watcher.owner_sleeps();
  for (int signal = 0; signal < 3; signal++) {
    vfio_native::sys::write(fd, &one, sizeof one);
    while (notified == 0) std::this_thread::yield();
    notified = 0;
    require(watcher.take_rung().size() == 1, "the thread delivers to an owner that does not come");
    core.answer();
    require(core.counted[5] == ++rung, "the signal has arrived");
  }
}

/** The thread takes nothing from an owner that looks, and all that comes when it does not. */
void an_owner_that_looks_is_left_alone() {
  Watched watched;
  auto& [core, notified, watcher, fd] = watched;
  const uint64_t one = 1;
  for (uint64_t round = 0; round < 300; round++) {
    watcher.owner_looks(true);
    vfio_native::sys::write(fd, &one, sizeof one);
    // Some of the rounds give the thread time to do what it should not.
    if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    require(notified == 0, "the thread leaves a signal to the owner");
    require(watcher.poll(), "which finds it");
    watcher.owner_looks(false);
    require(watcher.take_rung().size() == 1, "one doorbell has rung");
    core.answer();
    require(core.counted[5] == 2 * round + 1, "the signal has arrived");

    vfio_native::sys::write(fd, &one, sizeof one);
    while (notified == 0) std::this_thread::yield();
    notified = 0;
    require(watcher.take_rung().size() == 1, "the thread delivers what comes later");
    core.answer();
    require(core.counted[5] == 2 * round + 2, "the later signal has arrived");
  }
  watcher.owner_looks(true);
  vfio_native::sys::write(fd, &one, sizeof one);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  watcher.owner_looks(false);
  while (notified == 0) std::this_thread::yield();
  require(watcher.take_rung().size() == 1, "the thread delivers what the owner has left");
}

/** How long a loop looks around follows the device. */
void looking_around_adapts() {
  vfio_native::HaltPoll poll(200'000);
  require(poll.window() == 0, "nothing at first");
  for (int i = 0; i < 5; i++) poll.waited(1'000'000, true);
  require(poll.window() == 0, "nothing for a slow device");
  for (int i = 0; i < 5; i++) poll.waited(5'000, false);
  require(poll.window() == 0, "nothing for others than devices");
  int64_t before = 0;
  while (poll.window() < 100'000) {
    poll.waited(100'000, true);
    require(poll.window() > before, "it grows with a fast one");
    before = poll.window();
  }
  poll.waited(100'000, true);
  require(poll.window() == before, "up to what saves the wait");
  for (int i = 0; i < 5; i++) poll.waited(200'000, true);
  require(poll.window() == 200'000, "never beyond the most");
  poll.waited(200'001, true);
  require(poll.window() == 0, "and is over when the device is slow again");
  for (int i = 0; i < 5; i++) poll.waited(100'000, true);
  require(poll.window() > 0, "it is back with the device");
  for (int i = 0; i < 16; i++) poll.waited(1'000, false);
  require(poll.window() == 0, "and over when only others use the loop");
  poll.set_most(0);
  poll.waited(1, true);
  require(poll.window() == 0, "never, when that is wanted");
}

}  // namespace

int main() {
  no_signal_is_lost_or_doubled();
  every_ring_wakes();
  ends_while_signals_arrive();
  a_sleeping_owner_comes_first();
  an_owner_that_looks_is_left_alone();
  looking_around_adapts();
  std::puts("ok");
}
