// libuv, as Node exports it: its headers do not come with those of Node-API.
// All of this is the stable interface of libuv 1.
#pragma once

#include <cstddef>
#include <cstring>

#include <napi.h>

extern "C" {
size_t uv_handle_size(int type);
const char* uv_handle_type_name(int type);
int uv_poll_init(uv_loop_s* loop, void* handle, int fd);
int uv_poll_start(void* handle, int events, void (*callback)(void* handle, int status, int events));
int uv_prepare_init(uv_loop_s* loop, void* handle);
int uv_prepare_start(void* handle, void (*callback)(void* handle));
int uv_check_init(uv_loop_s* loop, void* handle);
int uv_check_start(void* handle, void (*callback)(void* handle));
int uv_backend_fd(const uv_loop_s* loop);
int uv_backend_timeout(const uv_loop_s* loop);
void uv_update_time(uv_loop_s* loop);
int uv_async_init(uv_loop_s* loop, void* handle, void (*callback)(void* handle));
int uv_async_send(void* handle);
void uv_close(void* handle, void (*callback)(void* handle));
void uv_unref(void* handle);
void* uv_handle_get_data(const void* handle);
void uv_handle_set_data(void* handle, void* data);
}

namespace vfio_native::uv {

constexpr int kReadable = 1;

/** A kind of handle, by its number and its name. */
struct Kind {
  int type;
  const char* name;
};
constexpr Kind kAsync{1, "async"}, kCheck{2, "check"}, kPoll{8, "poll"}, kPrepare{9, "prepare"};

/** Whether this libuv numbers it so. */
inline bool has(const Kind& kind) {
  const char* name = uv_handle_type_name(kind.type);
  return name != nullptr && std::strcmp(name, kind.name) == 0;
}

}  // namespace vfio_native::uv
