// Arguments of the addon's functions, checked.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include <napi.h>

namespace vfio_native {

struct Bytes {
  uint8_t* data;
  size_t length;

  bool has(uint32_t pointer, uint32_t count) const {
    return pointer <= length && count <= length - pointer;
  }
};

template <typename T>
T integer(const Napi::CallbackInfo& info, size_t index) {
  int64_t value = 0;
  if (napi_get_value_int64(info.Env(), info[index], &value) != napi_ok) {
    throw Napi::TypeError::New(info.Env(),
                               "argument " + std::to_string(index) + " must be a number");
  }
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
    throw Napi::RangeError::New(info.Env(),
                                "argument " + std::to_string(index) + " is out of range");
  }
  return static_cast<T>(value);
}

inline int32_t i32(const Napi::CallbackInfo& info, size_t index) {
  return integer<int32_t>(info, index);
}

inline uint32_t u32(const Napi::CallbackInfo& info, size_t index) {
  return integer<uint32_t>(info, index);
}

inline bool boolean(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsBoolean()) {
    throw Napi::TypeError::New(info.Env(),
                               "argument " + std::to_string(index) + " must be a boolean");
  }
  return info[index].As<Napi::Boolean>().Value();
}

inline Napi::Function function(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsFunction()) {
    throw Napi::TypeError::New(info.Env(),
                               "argument " + std::to_string(index) + " must be a function");
  }
  return info[index].As<Napi::Function>();
}

/** A Uint8Array. The bytes stay where they are while no JavaScript runs. */
inline Bytes bytes_of(const Napi::CallbackInfo& info, size_t index) {
  napi_typedarray_type type;
  Bytes bytes{};
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(info.Env(), info[index], &type,
                                                      &bytes.length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) {
    throw Napi::TypeError::New(info.Env(),
                               "argument " + std::to_string(index) + " must be a Uint8Array");
  }
  bytes.data = static_cast<uint8_t*>(data);
  if (data == nullptr) bytes.length = 0;
  return bytes;
}

inline Napi::Value number(const Napi::CallbackInfo& info, int64_t value) {
  napi_value result = nullptr;
  napi_create_int64(info.Env(), value, &result);
  return Napi::Value(info.Env(), result);
}

}  // namespace vfio_native
