#include "bus_errors.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>

#include "syscalls.h"

namespace vfio_native {

namespace {

/** Read by the handler, so atomics without locks only. */
struct Guard {
  /** 0: free. The last that is written, and the first that is cleared. */
  std::atomic<uintptr_t> begin;
  std::atomic<uintptr_t> end;
  std::atomic<const BusErrors::Teller*> teller;
  /** Address of the first access that was refused; 0: none. */
  std::atomic<uintptr_t> refused;
};

Guard guards[BusErrors::kMost];
/** Guards beyond have never been used. */
std::atomic<size_t> used;
std::mutex changing;
struct sigaction before;

/** The window of `address`, if it is in one. */
Guard* guard_of(uintptr_t address) {
  const size_t count = used;
  for (size_t i = 0; i < count; i++) {
    const uintptr_t begin = guards[i].begin;
    if (begin != 0 && address >= begin && address < guards[i].end) return &guards[i];
  }
  return nullptr;
}

/** @returns whether the access can be done again */
bool replace(Guard& guard, uintptr_t address) {
  const size_t size = sys::page_size();
  auto* const page = reinterpret_cast<uint8_t*>(address / size * size);
  // SAFETY: the page is inside a window, which is ours until release().
  if (sys::mmap(page, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) < 0) {
    return false;
  }
  std::memset(page, 0xff, size);
  uintptr_t none = 0;
  guard.refused.compare_exchange_strong(none, address);
  const BusErrors::Teller* const teller = guard.teller;
  if (teller->tell != nullptr) teller->tell(teller->who);
  return true;
}

/** What would have happened without us. */
void pass_on(int signal, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
    ::sigaction(signal, &before, nullptr);
    // One that was sent does not come again by itself, as that of an access does.
    if (info->si_code <= 0) ::raise(signal);
  }
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  Guard* const guard = info->si_code > 0 ? guard_of(address) : nullptr;
  if (guard == nullptr || !replace(*guard, address)) pass_on(signal, info, context);
  errno = saved;
}

void install() {
  // The handler must not be the first to ask for it.
  sys::page_size();
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &before);
}

}  // namespace

int BusErrors::guard(const void* address, size_t length, const Teller& teller) {
  static std::once_flag installed;
  std::call_once(installed, install);
  const std::lock_guard lock(changing);
  size_t i = 0;
  while (i < used && guards[i].begin != 0) i++;
  if (i == kMost) return -ENOSPC;
  Guard& guard = guards[i];
  const auto begin = reinterpret_cast<uintptr_t>(address);
  guard.end = begin + length;
  guard.teller = &teller;
  guard.refused = 0;
  guard.begin = begin;
  if (i == used) used = i + 1;
  return static_cast<int>(i);
}

void BusErrors::release(int guard) {
  const std::lock_guard lock(changing);
  guards[guard].begin = 0;
}

std::optional<uint32_t> BusErrors::take(int number) {
  Guard& guard = guards[number];
  const uintptr_t address = guard.refused.exchange(0);
  if (address == 0) return std::nullopt;
  return static_cast<uint32_t>(address - guard.begin);
}

}  // namespace vfio_native
