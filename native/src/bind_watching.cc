#include "arguments.h"
#include "bindings.h"
#include "environment.h"

namespace vfio_native {

namespace {

/**
 * (memory, summary, words, counts, lines, wake) → number of the doorbell, or
 * −EFAULT. wake() when it rings, wake(line) when a line's eventfd has hung up.
 */
Napi::Value add_doorbell(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info);
  const DoorbellLayout layout{u32(info, 1), u32(info, 2), u32(info, 3), u32(info, 4)};
  if (!info[5].IsFunction()) throw Napi::TypeError::New(info.Env(), "argument 5 must be a function");
  const PinnedBytes memory = environment.linear_memory(info[0]);
  if (!layout.fits(memory.length)) return number(info, -EFAULT);
  return number(info, environment.add_doorbell(memory, layout, info[5].As<Napi::Function>())->id());
}

/** Its owner hears no more of it; watches that still ring it keep its memory. */
Napi::Value drop_doorbell(const Napi::CallbackInfo& info) {
  Environment::of(info).drop_doorbell(u32(info, 0));
  return info.Env().Undefined();
}

/** (µs) → 0 or −errno */
Napi::Value halt_poll(const Napi::CallbackInfo& info) {
  const uint32_t us = u32(info, 0);
  if (us > HaltPoll::kMostUs) return number(info, -EINVAL);
  Environment::of(info).halt_poll().set_most(int64_t{us} * 1000);
  return number(info, 0);
}

/** (fd, doorbell, line) → 0 or −errno */
Napi::Value watch(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info);
  Host& host = environment.host();
  const int fd = i32(info, 0);
  const auto doorbell = host.doorbells.find(u32(info, 1));
  const uint32_t line = u32(info, 2);
  if (!host.fds.has(fd)) return number(info, -EBADF);
  if (doorbell == host.doorbells.end() || !host.fds.is_eventfd(fd)) return number(info, -EINVAL);
  return number(info, environment.watch(info.Env(), fd, doorbell->second, line));
}

Napi::Value unwatch(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  return number(info, host.fds.has(fd) ? host.watcher.unwatch(fd) : -EBADF);
}

Napi::Value keep_alive(const Napi::CallbackInfo& info) {
  Environment::of(info).keep_alive(info.Env(), boolean(info, 0));
  return info.Env().Undefined();
}

}  // namespace

void bind_watching(Napi::Env env, Napi::Object exports) {
  bind<add_doorbell>(env, exports, "addDoorbell");
  bind<drop_doorbell>(env, exports, "dropDoorbell");
  bind<watch>(env, exports, "watch");
  bind<unwatch>(env, exports, "unwatch");
  bind<keep_alive>(env, exports, "keepAlive");
  bind<halt_poll>(env, exports, "haltPoll");
}

}  // namespace vfio_native
