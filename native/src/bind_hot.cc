// The calls on the path of a guest access or an interrupt, against Node-API
// itself: node-addon-api's wrapper would cost as much again as the call.
#include "arguments.h"
#include "bindings.h"
#include "environment.h"

namespace vfio_native {

namespace {

/** The arguments of one call. Any failure throws, and makes `ok()` false. */
template <size_t kCount>
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kCount;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values_, nullptr, &data);
    auto* environment = static_cast<Environment*>(data);
    if (environment->alive()) {
      host_ = &environment->host();
    } else {
      fail(napi_throw_error, "the environment of the native host is being torn down");
    }
  }

  Host& host() { return *host_; }
  bool ok() const { return ok_; }

  int32_t i32(size_t index) {
    int32_t value = 0;
    if (napi_get_value_int32(env_, values_[index], &value) != napi_ok) {
      fail(napi_throw_type_error, "a number is expected");
    }
    return value;
  }

  uint32_t u32(size_t index) { return static_cast<uint32_t>(i32(index)); }

  Bytes bytes(size_t index) {
    napi_typedarray_type type = napi_uint8_array;
    Bytes bytes{};
    void* data = nullptr;
    if (napi_get_typedarray_info(env_, values_[index], &type, &bytes.length, &data, nullptr,
                                 nullptr) != napi_ok ||
        type != napi_uint8_array) {
      fail(napi_throw_type_error, "a Uint8Array is expected");
    }
    bytes.data = static_cast<uint8_t*>(data);
    if (data == nullptr) bytes.length = 0;
    return bytes;
  }

  napi_value result(int64_t value) {
    napi_value number = nullptr;
    napi_create_int32(env_, static_cast<int32_t>(value), &number);
    return number;
  }

 private:
  void fail(napi_status (*raise)(napi_env, const char*, const char*), const char* message) {
    if (ok_) raise(env_, nullptr, message);
    ok_ = false;
  }

  napi_env env_;
  napi_value values_[kCount] = {};
  Host* host_ = nullptr;
  bool ok_ = true;
};

/** (fd, line): VFIO_DEVICE_SET_IRQS, DATA_NONE | ACTION_UNMASK. */
napi_value unmask(napi_env env, napi_callback_info info) {
  Call<2> call(env, info);
  const int fd = call.i32(0);
  const uint32_t line = call.u32(1);
  if (!call.ok()) return nullptr;
  const int result = call.host().gate.unmask(fd, line);
  // undefined for 0 takes no handle.
  return result == 0 ? nullptr : call.result(result);
}

using Transfer = ssize_t (*)(int, uint8_t*, size_t, uint64_t);

/** (fd, memory, pointer, length, offsetLow, offsetHigh) */
template <Transfer transfer>
napi_value transfer_at(napi_env env, napi_callback_info info) {
  Call<6> call(env, info);
  const int fd = call.i32(0);
  const Bytes bytes = call.bytes(1);
  const uint32_t pointer = call.u32(2);
  const uint32_t length = call.u32(3);
  const uint64_t offset = call.u32(4) | uint64_t{call.u32(5)} << 32;
  if (!call.ok()) return nullptr;
  if (!call.host().fds.has(fd)) return call.result(-EBADF);
  if (!bytes.has(pointer, length)) return call.result(-EFAULT);
  // SAFETY: [pointer, pointer + length) is inside the buffer, which stays
  // where it is while this thread is in here.
  return call.result(transfer(fd, bytes.data + pointer, length, offset));
}

ssize_t pread(int fd, uint8_t* data, size_t length, uint64_t offset) {
  return sys::pread(fd, data, length, offset);
}

ssize_t pwrite(int fd, uint8_t* data, size_t length, uint64_t offset) {
  return sys::pwrite(fd, data, length, offset);
}

void bind_raw(Napi::Env env, Napi::Object exports, const char* name, napi_callback function) {
  napi_value value;
  auto* environment = env.GetInstanceData<Environment>();
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, environment, &value);
  exports.Set(name, Napi::Value(env, value));
}

}  // namespace

void bind_hot(Napi::Env env, Napi::Object exports) {
  bind_raw(env, exports, "unmask", unmask);
  bind_raw(env, exports, "pread", transfer_at<pread>);
  bind_raw(env, exports, "pwrite", transfer_at<pwrite>);
}

}  // namespace vfio_native
