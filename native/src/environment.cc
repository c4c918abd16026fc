#include "environment.h"

#include <thread>

#include "loop_poll.h"
#include "loop_signal.h"

namespace vfio_native {

std::shared_ptr<void> pin(Napi::Object object) {
  return std::make_shared<Napi::ObjectReference>(Napi::Persistent(object));
}

namespace {

/** Looking around would keep the only core from whoever is to be seen. */
int64_t default_halt_poll_ns() {
  return std::thread::hardware_concurrency() > 1 ? int64_t{HaltPoll::kDefaultUs} * 1000 : 0;
}

/** The getter of WebAssembly.Memory.prototype.buffer, which only takes real ones. */
Napi::Function memory_buffer_getter(Napi::Env env) {
  const auto global = env.Global();
  const auto memory = global.Get("WebAssembly").As<Napi::Object>().Get("Memory");
  const auto prototype = memory.As<Napi::Object>().Get("prototype");
  const auto describe =
      global.Get("Object").As<Napi::Object>().Get("getOwnPropertyDescriptor").As<Napi::Function>();
  const auto descriptor = describe.Call({prototype, Napi::String::New(env, "buffer")});
  return descriptor.As<Napi::Object>().Get("get").As<Napi::Function>();
}

}  // namespace

Environment::Environment(Napi::Env env)
    : env_(env),
      halt_poll_(default_halt_poll_ns()),
      context_(std::make_unique<Napi::AsyncContext>(env, "vfio-irq")),
      buffer_of_memory_(Napi::Persistent(memory_buffer_getter(env))) {
  wakeup_ = Wakeup::New(env, "vfio-irq", 0, 1, this);
  wakeup_.Unref(env);
  host_ = std::make_unique<Host>([this] { wakeup_.NonBlockingCall(); });
  // Hooks run last in, first out: the thread ends before its way back is closed.
  env.AddCleanupHook([](Environment* environment) { environment->tear_down(); }, this);
}

Environment& Environment::of(const Napi::CallbackInfo& info) {
  auto* environment = info.Env().GetInstanceData<Environment>();
  if (environment == nullptr || environment->host_ == nullptr) {
    throw Napi::Error::New(info.Env(), "the environment of the native host is being torn down");
  }
  return *environment;
}

void Environment::tear_down() {
  host_.reset();
  wakes_.clear();
  refused_.Reset();
  buffer_of_memory_.Reset();
  context_.reset();
  wakeup_.Release();
}

void Environment::keep_alive(Napi::Env env, bool on) {
  if (on) {
    wakeup_.Ref(env);
  } else {
    wakeup_.Unref(env);
  }
}

PinnedBytes Environment::linear_memory(Napi::Value memory) {
  if (!memory.IsObject()) {
    throw Napi::TypeError::New(memory.Env(), "a WebAssembly.Memory is expected");
  }
  const Napi::Value buffer = buffer_of_memory_.Call(memory, {});
  if (!buffer.IsArrayBuffer()) {
    throw Napi::TypeError::New(memory.Env(), "shared linear memory is not supported");
  }
  auto bytes = buffer.As<Napi::ArrayBuffer>();
  return {static_cast<uint8_t*>(bytes.Data()), bytes.ByteLength(), pin(memory.As<Napi::Object>())};
}

std::shared_ptr<Doorbell> Environment::add_doorbell(const PinnedBytes& memory,
                                                    DoorbellLayout layout, Napi::Function wake) {
  const uint32_t id = host_->next_doorbell++;
  auto doorbell = std::make_shared<Doorbell>(id, memory.base, layout, memory.pin);
  host_->doorbells.emplace(id, doorbell);
  wakes_.emplace(id, Napi::Persistent(wake));
  return doorbell;
}

void Environment::drop_doorbell(uint32_t id) {
  const auto found = host_->doorbells.find(id);
  if (found == host_->doorbells.end()) return;
  found->second->dropped = true;
  host_->doorbells.erase(found);
  wakes_.erase(id);
}

int Environment::watch(Napi::Env env, int fd, std::shared_ptr<Doorbell> doorbell, uint32_t line) {
  const int result = host_->watcher.watch(fd, std::move(doorbell), line);
  if (result == 0 && !looping_) {
    looping_ = true;
    LoopPoll::start(env, host_->watcher.epoll(),
                    {loop_sleeps, loop_looks, loop_takes, loop_is_awake, loop_tells}, halt_poll_,
                    this);
  }
  return result;
}

void Environment::call_back(void (Environment::*tell)(Napi::Env)) {
  const Napi::Env env(env_);
  try {
    const Napi::HandleScope scope(env);
    // Lets promises and process.nextTick() run after what the owners do.
    const Napi::CallbackScope callback(env, *context_);
    (this->*tell)(env);
  } catch (const Napi::Error&) {
    // A worker that is being terminated runs no JavaScript any more.
  }
}

void Environment::on_refused(Napi::Env env, Napi::Function refused) {
  const bool first = refused_.IsEmpty();
  refused_ = Napi::Persistent(refused);
  if (!first) return;
  if (void* signal = LoopSignal::start(env, bus_has_refused, this); signal != nullptr) {
    host_->windows.tell_refusals({LoopSignal::send, signal});
  }
}

void Environment::bus_has_refused(void* data) {
  auto* environment = static_cast<Environment*>(data);
  if (environment->host_ != nullptr) environment->call_back(&Environment::tell_refused);
}

void Environment::tell_refused(Napi::Env env) {
  for (const auto& [window, offset] : host_->windows.take_refused()) {
    try {
      refused_.Call({Napi::Number::New(env, window), Napi::Number::New(env, offset)});
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env, error.Value());
    }
  }
}

void Environment::loop_sleeps(void* data) {
  auto* environment = static_cast<Environment*>(data);
  if (environment->host_ != nullptr) environment->host_->watcher.owner_sleeps();
}

void Environment::loop_looks(void* data, bool on) {
  auto* environment = static_cast<Environment*>(data);
  if (environment->host_ != nullptr) environment->host_->watcher.owner_looks(on);
}

bool Environment::loop_takes(void* data) {
  auto* environment = static_cast<Environment*>(data);
  return environment->host_ != nullptr && environment->host_->watcher.poll();
}

void Environment::loop_is_awake(void* data) {
  auto* environment = static_cast<Environment*>(data);
  if (environment->host_ != nullptr) environment->host_->watcher.owner_is_awake();
}

void Environment::loop_tells(void* data) {
  static_cast<Environment*>(data)->call_back(&Environment::wake_owners);
}

void Environment::deliver(Napi::Env env, Napi::Function, Environment* environment, void*) {
  // Without an env the event loop has gone.
  if (env == nullptr || environment->host_ == nullptr) return;
  environment->wake_owners(env);
}

void Environment::wake_owners(Napi::Env env) {
  Napi::Error failure;
  const auto wake = [&](const Doorbell& doorbell, const std::initializer_list<napi_value>& told) {
    // Its owner may have dropped it at the call before.
    if (doorbell.dropped) return;
    try {
      wakes_.at(doorbell.id()).Call(told);
    } catch (const Napi::Error& error) {
      // The others' owners are told all the same.
      if (failure.IsEmpty()) failure = error;
    }
  };
  for (const auto& doorbell : host_->watcher.take_rung()) {
    wake(*doorbell, {});
    for (const uint32_t line : std::exchange(doorbell->told_hung_up, {})) {
      wake(*doorbell, {Napi::Number::New(env, line)});
    }
  }
  // Thrown from here, Node would only warn of it.
  if (!failure.IsEmpty()) napi_fatal_exception(env, failure.Value());
}

}  // namespace vfio_native
