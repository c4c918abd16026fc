#include "signaller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct { int trigger, done; uint32_t count, pause_us; } job;
static pthread_t thread;
static atomic_uint_fast64_t written_at;
static uint64_t duration;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *run(void *unused) {
  (void)unused;
  const uint64_t one = 1;
  uint64_t count, start = now_ns();
  for (uint32_t i = 0; i < job.count; i++) {
    atomic_store_explicit(&written_at, now_ns(), memory_order_release);
    if (write(job.trigger, &one, sizeof one) != sizeof one) abort();
    if (read(job.done, &count, sizeof count) != sizeof count) abort();
    if (job.pause_us > 0) usleep(job.pause_us);
  }
  duration = now_ns() - start;
  return NULL;
}

void signaller_start(int trigger, int done, uint32_t count, uint32_t pause_us) {
  job.trigger = trigger, job.done = done, job.count = count, job.pause_us = pause_us;
  if (pthread_create(&thread, NULL, run, NULL) != 0) abort();
}

uint64_t signaller_written_at(void) {
  return atomic_load_explicit(&written_at, memory_order_acquire);
}

uint64_t signaller_finish(void) {
  pthread_join(thread, NULL);
  return duration;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double median_of(double *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return values[count / 2];
}
