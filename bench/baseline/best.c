/*
 * The best C that we can write for the same behaviour: everything is indexed,
 * nothing is searched, and nothing is locked, because one thread owns the
 * device (as one does in the product). Compared without a goal.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum state { INACTIVE, PENDING, ACTIVE };
enum { WORDS = MAX_LINES / 64, NONE = 0xffff };

struct machine {
  const struct callbacks *callbacks;
  void *context;
  uint64_t active_words;  /* bit w: active[w] is not 0 */
  uint32_t outstanding;   /* lines that are ACTIVE or PENDING */
  uint32_t timeout;
  uint32_t region_count;
  uint16_t head; /* queue of pending lines, linked through next[] */
  uint16_t tail;
  uint64_t active[WORDS];
  uint64_t automasked[WORDS];
  uint8_t state[MAX_LINES];
  uint16_t next[MAX_LINES];
  struct region regions[MAX_REGIONS];
};

struct machine *best_create(const struct config *config) {
  struct machine *machine = calloc(1, sizeof *machine);
  if (!machine) return NULL;
  machine->callbacks = config->callbacks;
  machine->context = config->context;
  machine->timeout = config->timeout;
  machine->region_count = config->region_count;
  memcpy(machine->regions, config->regions, config->region_count * sizeof *config->regions);
  machine->head = NONE;
  memset(machine->next, 0xff, sizeof machine->next);
  if (config->line_flags & LINE_AUTOMASKED) {
    memset(machine->automasked, 0xff, sizeof machine->automasked);
  }
  return machine;
}

void best_destroy(struct machine *machine) { free(machine); }

uintptr_t best_line(struct machine *machine, uint32_t index) {
  (void)machine;
  return index;
}

static inline void activate(struct machine *machine, uint32_t index) {
  uint32_t word = index / 64;
  machine->state[index] = ACTIVE;
  machine->active[word] |= UINT64_C(1) << (index % 64);
  machine->active_words |= UINT64_C(1) << word;
}

void best_signal(struct machine *machine, uintptr_t handle) {
  const struct callbacks *call = machine->callbacks;
  uint32_t index = (uint32_t)handle;

  if (machine->state[index] == INACTIVE) {
    if (machine->outstanding++) {
      machine->state[index] = PENDING;
      machine->next[index] = NONE;
      if (machine->head == NONE) machine->head = (uint16_t)index;
      else machine->next[machine->tail] = (uint16_t)index;
      machine->tail = (uint16_t)index;
      return;
    }
  }
  activate(machine, index);
  call->mapping(machine->context, false);
  call->line(machine->context, index, true);
  if (machine->timeout) call->timer(machine->context, machine->timeout);
}

static inline void end_of_interrupt(struct machine *machine) {
  const struct callbacks *call = machine->callbacks;

  if (machine->active_words) {
    uint32_t word = 63 - (uint32_t)__builtin_clzll(machine->active_words);
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(machine->active[word]);
    uint32_t index = word * 64 + bit;
    uint64_t left = machine->active[word] & ~(UINT64_C(1) << bit);
    machine->active[word] = left;
    if (!left) machine->active_words &= ~(UINT64_C(1) << word);
    machine->state[index] = INACTIVE;
    machine->outstanding--;
    call->line(machine->context, index, false);
    if (machine->automasked[word] >> bit & 1) call->unmask(machine->context, index);
  }
  if (machine->head != NONE) {
    uint32_t index = machine->head;
    /* A line can be INACTIVE in the queue: signalled again, it was completed early. */
    if (machine->state[index] == INACTIVE) machine->outstanding++;
    activate(machine, index);
    call->line(machine->context, index, true);
    machine->head = machine->next[index];
    machine->next[index] = NONE;
  }
}

bool best_access(struct machine *machine, struct access *access) {
  if (!access_allowed(machine->regions, machine->region_count, access)) return false;
  bool done = machine->callbacks->access(machine->context, access);
  if (done || access->write) end_of_interrupt(machine);
  return done;
}
