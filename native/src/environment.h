// The addon in one environment: its part of the kernel, and the way back into
// JavaScript.
#pragma once

#include <map>
#include <memory>

#include <napi.h>

#include "halt_poll.h"
#include "host.h"

namespace vfio_native {

class Environment {
 public:
  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /** That of the calling environment; throws when it is being torn down. */
  static Environment& of(const Napi::CallbackInfo& info);

  /** False while it is torn down. */
  bool alive() const { return host_ != nullptr; }
  Host& host() { return *host_; }
  /** Whether interrupts on their way keep the process alive. */
  void keep_alive(Napi::Env env, bool on);
  /** How long the event loop looks around before it sleeps, at most; see halt_poll.h. */
  HaltPoll& halt_poll() { return halt_poll_; }
  /** The bytes of a WebAssembly.Memory, kept in place by `pin`; throws for anything else. */
  PinnedBytes linear_memory(Napi::Value memory);
  /** A doorbell whose owner is told through `wake`; with a line when that has hung up. */
  std::shared_ptr<Doorbell> add_doorbell(const PinnedBytes& memory, DoorbellLayout layout,
                                         Napi::Function wake);
  void drop_doorbell(uint32_t id);
  /** Has `refused` called, with window and offset, when the bus refused an access to any window. */
  void on_refused(Napi::Env env, Napi::Function refused);
  /** Watches `fd`; the event loop looks too from the first watch on. */
  int watch(Napi::Env env, int fd, std::shared_ptr<Doorbell> doorbell, uint32_t line);

 private:
  static void deliver(Napi::Env env, Napi::Function, Environment* environment, void*);
  using Wakeup = Napi::TypedThreadSafeFunction<Environment, void, deliver>;

  static void bus_has_refused(void* environment);
  static void loop_sleeps(void* environment);
  static void loop_looks(void* environment, bool on);
  static bool loop_takes(void* environment);
  static void loop_is_awake(void* environment);
  static void loop_tells(void* environment);
  void wake_owners(Napi::Env env);
  void tell_refused(Napi::Env env);
  void call_back(void (Environment::*tell)(Napi::Env));
  void tear_down();

  const napi_env env_;
  bool looping_ = false;
  HaltPoll halt_poll_;
  std::unique_ptr<Napi::AsyncContext> context_;
  Napi::FunctionReference buffer_of_memory_;
  std::map<uint32_t, Napi::FunctionReference> wakes_;
  Napi::FunctionReference refused_;
  Wakeup wakeup_;
  std::unique_ptr<Host> host_;
};

/** A reference to a JavaScript object. */
std::shared_ptr<void> pin(Napi::Object object);

}  // namespace vfio_native
