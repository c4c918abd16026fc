#include "arguments.h"
#include "bindings.h"
#include "environment.h"
#include "nodes.h"

namespace vfio_native {

namespace {

Napi::Value open(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "argument 0 must be a string");
  const std::string path = info[0].As<Napi::String>();
  if (!is_vfio_node(path)) return number(info, kRefusedPath);
  const int fd = sys::open(path.c_str());
  return number(info, fd < 0 ? fd : host.fds.add(fd, FdTable::Kind::kNode));
}

Napi::Value close(const Napi::CallbackInfo& info) {
  return number(info, Environment::of(info).host().close(i32(info, 0)));
}

/**
 * A descriptor that was opened elsewhere → 0 or −errno. `owned`: closing it is
 * ours from now on; otherwise → the number for giveBack().
 */
Napi::Value adopt(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  const bool owned = boolean(info, 1);
  // Standard input, output and error are somebody else's.
  if (fd <= STDERR_FILENO || sys::status_flags(fd) < 0) return number(info, -EBADF);
  if (!owned) return number(info, host.fds.lend(fd));
  if (host.owns(fd)) return number(info, -EBUSY);
  // Its lender closed it, and Linux has given the number out again.
  if (host.fds.has(fd)) host.close(fd);
  host.fds.add(fd, FdTable::Kind::kNode);
  return number(info, 0);
}

Napi::Value give_back(const Napi::CallbackInfo& info) {
  return number(info, Environment::of(info).host().fds.give_back(i32(info, 0)));
}

Napi::Value ioctl(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  const uint32_t request = u32(info, 1);
  const uint32_t value = u32(info, 2);
  const Bytes bytes = bytes_of(info, 3);
  const uint32_t length = u32(info, 4);
  if (length > bytes.length) return number(info, -EFAULT);
  return number(info, host.gate.call(fd, request, value, bytes.data, length));
}

Napi::Value eventfd(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const uint32_t initial = u32(info, 0);
  const int flags = i32(info, 1);
  if ((flags & ~(EFD_NONBLOCK | EFD_CLOEXEC)) != 0) return number(info, -EINVAL);
  const int fd = sys::eventfd(initial, flags | EFD_CLOEXEC);
  return number(info, fd < 0 ? fd : host.fds.add(fd, FdTable::Kind::kEventfd));
}

Napi::Value read(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  const Bytes bytes = bytes_of(info, 1);
  const uint32_t pointer = u32(info, 2);
  const uint32_t length = u32(info, 3);
  if (!bytes.has(pointer, length)) return number(info, -EFAULT);
  return number(info, host.read(fd, bytes.data + pointer, length));
}

Napi::Value write(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  const Bytes bytes = bytes_of(info, 1);
  const uint32_t pointer = u32(info, 2);
  const uint32_t length = u32(info, 3);
  if (!host.fds.has(fd)) return number(info, -EBADF);
  if (!bytes.has(pointer, length)) return number(info, -EFAULT);
  return number(info, sys::write(fd, bytes.data + pointer, length));
}

/** "major:minor" of a device node, as sysfs writes it, or −errno. */
Napi::Value device_number(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  const int fd = i32(info, 0);
  if (!host.fds.has(fd)) return number(info, -EBADF);
  struct stat status;
  const int failure = sys::stat(fd, &status);
  if (failure < 0) return number(info, failure);
  const auto rdev = status.st_rdev;
  return Napi::String::New(info.Env(),
                           std::to_string(major(rdev)) + ':' + std::to_string(minor(rdev)));
}

Napi::Value resources(const Napi::CallbackInfo& info) {
  Host& host = Environment::of(info).host();
  auto open = Napi::Object::New(info.Env());
  open.Set("fds", host.fds.open_count());
  open.Set("eventfds", host.fds.eventfd_count());
  open.Set("mappings", host.windows.count());
  open.Set("dmaMappings", host.ram.mapping_count());
  open.Set("watches", host.watcher.count());
  return open;
}

}  // namespace

void bind_files(Napi::Env env, Napi::Object exports) {
  bind<open>(env, exports, "open");
  bind<close>(env, exports, "close");
  bind<adopt>(env, exports, "adopt");
  bind<give_back>(env, exports, "giveBack");
  bind<ioctl>(env, exports, "ioctl");
  bind<eventfd>(env, exports, "eventfd");
  bind<read>(env, exports, "read");
  bind<write>(env, exports, "write");
  bind<device_number>(env, exports, "deviceNumber");
  bind<resources>(env, exports, "resources");
}

}  // namespace vfio_native
