/* Addon of the benchmark: the signalling thread and its clock for JavaScript,
 * and a bare libuv poll callback to compare the event loop with. */
#include <node_api.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "signaller.h"

static double *latencies;
static uint32_t noted, wanted;
static int done_fd;

static void complete(void) {
  const uint64_t one = 1;
  if (write(done_fd, &one, sizeof one) != sizeof one) abort();
}

static uint32_t argument(napi_env env, napi_value *values, int index) {
  uint32_t value = 0;
  napi_get_value_uint32(env, values[index], &value);
  return value;
}

/** start(trigger, done, count, pauseUs) */
static napi_value start(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value values[4];
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  done_fd = (int)argument(env, values, 1);
  wanted = argument(env, values, 2);
  noted = 0;
  free(latencies);
  latencies = calloc(wanted, sizeof *latencies);
  signaller_start((int)argument(env, values, 0), done_fd, wanted, argument(env, values, 3));
  return NULL;
}

/** note(): the line is up. @return whether that was the last signal */
static napi_value note(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value last;
  if (noted < wanted) latencies[noted++] = (double)(now_ns() - signaller_written_at());
  napi_get_boolean(env, noted == wanted, &last);
  return last;
}

/** completed(): the guest has handled the interrupt. */
static napi_value completed(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  complete();
  return NULL;
}

/** served(): whether all signals have been noted. */
static napi_value served(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value all;
  napi_get_boolean(env, noted == wanted, &all);
  return all;
}

/** finish(): [median latency, ns an interrupt] */
static napi_value finish(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result, number;
  double duration = (double)signaller_finish() / wanted;
  napi_create_array_with_length(env, 2, &result);
  napi_create_double(env, noted > 0 ? median_of(latencies, noted) : 0, &number);
  napi_set_element(env, result, 0, number);
  napi_create_double(env, duration, &number);
  napi_set_element(env, result, 1, number);
  return result;
}

static uv_poll_t poll_handle;

static void polled(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  uint64_t count;
  int fd = (int)(intptr_t)handle->data;
  if (read(fd, &count, sizeof count) != sizeof count) return;
  latencies[noted++] = (double)(now_ns() - signaller_written_at());
  complete();
  if (noted == wanted) uv_poll_stop(handle);
}

/** poll(fd): from now on a libuv callback, and no JavaScript, serves the signals. */
static napi_value start_poll(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value values[1];
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  int fd = (int)argument(env, values, 0);
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  uv_poll_init(loop, &poll_handle, fd);
  poll_handle.data = (void *)(intptr_t)fd;
  uv_poll_start(&poll_handle, UV_READABLE, polled);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } FUNCTIONS[] = {
      {"start", start}, {"note", note}, {"completed", completed}, {"served", served}, {"finish", finish}, {"poll", start_poll}};
  for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++) {
    napi_value function;
    napi_create_function(env, NULL, 0, FUNCTIONS[i].call, NULL, &function);
    napi_set_named_property(env, exports, FUNCTIONS[i].name, function);
  }
  return exports;
}
