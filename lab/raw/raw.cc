// System calls as they are, for the scenarios: they ask the kernel what the package's own addon never lets through.
// Results are the kernel's, or −errno.
#include <fcntl.h>
#include <napi.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace {

using Call = const Napi::CallbackInfo&;

Napi::Value answer(Call call, int64_t result) {
  return Napi::Number::New(call.Env(), static_cast<double>(result < 0 ? -errno : result));
}

int64_t number(Call call, size_t index) { return call[index].As<Napi::Number>().Int64Value(); }

/** Address of `length` bytes at `pointer` in the buffer; throws where they are not inside. */
uint8_t* bytes(Call call, size_t buffer, int64_t pointer, int64_t length) {
  auto array = call[buffer].As<Napi::Uint8Array>();
  if (pointer < 0 || length < 0 || pointer + length > static_cast<int64_t>(array.ByteLength())) {
    throw Napi::RangeError::New(call.Env(), "outside the buffer");
  }
  return array.Data() + pointer;
}

off_t offset(Call call, size_t low) {
  const auto high = static_cast<uint32_t>(number(call, low + 1));
  return static_cast<off_t>(uint64_t{high} << 32 | static_cast<uint32_t>(number(call, low)));
}

Napi::Value open_node(Call call) {
  const std::string path = call[0].As<Napi::String>();
  return answer(call, open(path.c_str(), static_cast<int>(number(call, 1))));
}

Napi::Value close_fd(Call call) { return answer(call, close(static_cast<int>(number(call, 0)))); }

/** (fd, request, value or struct) */
Napi::Value ioctl_any(Call call) {
  const int fd = static_cast<int>(number(call, 0));
  const auto request = static_cast<unsigned long>(number(call, 1));
  if (call[2].IsNumber()) return answer(call, ioctl(fd, request, number(call, 2)));
  return answer(call, ioctl(fd, request, bytes(call, 2, 0, 0)));
}

Napi::Value make_eventfd(Call call) {
  return answer(call, eventfd(static_cast<unsigned>(number(call, 0)), static_cast<int>(number(call, 1))));
}

/** (fd, buffer, pointer, length) */
Napi::Value read_fd(Call call) {
  uint8_t* into = bytes(call, 1, number(call, 2), number(call, 3));
  return answer(call, read(static_cast<int>(number(call, 0)), into, number(call, 3)));
}

Napi::Value write_fd(Call call) {
  const uint8_t* from = bytes(call, 1, number(call, 2), number(call, 3));
  return answer(call, write(static_cast<int>(number(call, 0)), from, number(call, 3)));
}

/** (fd, buffer, pointer, length, offset low, offset high) */
Napi::Value pread_fd(Call call) {
  uint8_t* into = bytes(call, 1, number(call, 2), number(call, 3));
  return answer(call, pread(static_cast<int>(number(call, 0)), into, number(call, 3), offset(call, 4)));
}

Napi::Value pwrite_fd(Call call) {
  const uint8_t* from = bytes(call, 1, number(call, 2), number(call, 3));
  return answer(call, pwrite(static_cast<int>(number(call, 0)), from, number(call, 3), offset(call, 4)));
}

/** (length) Zeroed memory at a page of its own; the pages before and behind it are not there. Never given back. */
Napi::Value own_pages(Call call) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto length = static_cast<size_t>(number(call, 0));
  void* start = mmap(nullptr, length + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) throw Napi::Error::New(call.Env(), "no memory");
  auto* inside = static_cast<uint8_t*>(start) + page;
  if (mprotect(inside, length, PROT_READ | PROT_WRITE) != 0) throw Napi::Error::New(call.Env(), "no memory");
  return Napi::Uint8Array::New(call.Env(), length, Napi::ArrayBuffer::New(call.Env(), inside, length), 0);
}

Napi::Value address_of(Call call) {
  return Napi::BigInt::New(call.Env(), reinterpret_cast<uint64_t>(bytes(call, 0, 0, 0)));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, Napi::Value (*function)(Call)) {
    exports[name] = Napi::Function::New(env, function, name);
  };
  add("open", open_node);
  add("close", close_fd);
  add("ioctl", ioctl_any);
  add("eventfd", make_eventfd);
  add("read", read_fd);
  add("write", write_fd);
  add("pread", pread_fd);
  add("pwrite", pwrite_fd);
  add("ownPages", own_pages);
  add("addressOf", address_of);
  return exports;
}

}  // namespace

NODE_API_MODULE(lab_raw, init)
