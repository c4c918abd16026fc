/*
 * A translation unit of its own, so that the compiler cannot see through the
 * function pointers, as it cannot in an emulator. The counting ones do as
 * little as they can: what they cost hides the difference that is measured.
 */
#include "callbacks.h"

static void count_mapping(void *context, bool on) {
  struct work *work = context;
  (void)on;
  work->mappings++;
}

static void count_line(void *context, uint32_t index, bool up) {
  struct work *work = context;
  (void)index;
  if (up) work->ups++;
  else work->downs++;
}

static void count_unmask(void *context, uint32_t index) {
  struct work *work = context;
  (void)index;
  work->unmasks++;
}

static void count_timer(void *context, uint32_t milliseconds) {
  struct work *work = context;
  (void)milliseconds;
  work->timers++;
}

static bool count_access(void *context, struct access *access) {
  struct work *work = context;
  uint32_t *word = &work->memory[access->offset / 4 % 1024];
  work->accesses++;
  if (access->write) *word = (uint32_t)access->value;
  else access->value = *word;
  work->sum += access->value;
  return true;
}

const struct callbacks counting = {
    .mapping = count_mapping,
    .line = count_line,
    .unmask = count_unmask,
    .timer = count_timer,
    .access = count_access,
};

static void mix(struct work *work, uint64_t event, uint64_t value) {
  work->hash = (work->hash ^ (event << 56 | value)) * UINT64_C(0x9e3779b97f4a7c15);
  work->hash ^= work->hash >> 29;
}

static void hash_mapping(void *context, bool on) {
  count_mapping(context, on);
  mix(context, 1, on);
}

static void hash_line(void *context, uint32_t index, bool up) {
  count_line(context, index, up);
  mix(context, up ? 2 : 3, index);
}

static void hash_unmask(void *context, uint32_t index) {
  count_unmask(context, index);
  mix(context, 4, index);
}

static void hash_timer(void *context, uint32_t milliseconds) {
  count_timer(context, milliseconds);
  mix(context, 5, milliseconds);
}

static bool hash_access(void *context, struct access *access) {
  bool done = count_access(context, access);
  mix(context, 6, access->offset);
  /* Some accesses fail, as a short pread does; only the random check asks for it. */
  return done && access->offset % 28 != 24;
}

const struct callbacks counting_and_hashing = {
    .mapping = hash_mapping,
    .line = hash_line,
    .unmask = hash_unmask,
    .timer = hash_timer,
    .access = hash_access,
};
