/*
 * The baseline: the interrupt machine as it is usually written in C. One
 * mutex; lines in an intrusive singly linked list, each allocated on its own;
 * pending lines in a singly linked tail queue through the same structures.
 */
#include <pthread.h>
#include <stdlib.h>

#include "machine.h"

enum state { INACTIVE, PENDING, ACTIVE };

struct line {
  struct line *next;         /* list of all lines, highest index first */
  struct line *next_pending; /* tail queue */
  uint32_t index;
  uint32_t flags;
  enum state state;
};

struct machine {
  pthread_mutex_t mutex;
  struct line *lines;
  struct line *pending_head;
  struct line *pending_tail;
  const struct callbacks *callbacks;
  void *context;
  uint32_t timeout;
  uint32_t region_count;
  struct region regions[MAX_REGIONS];
};

struct machine *baseline_create(const struct config *config) {
  struct machine *machine = calloc(1, sizeof *machine);
  if (!machine) return NULL;
  pthread_mutex_init(&machine->mutex, NULL);
  machine->callbacks = config->callbacks;
  machine->context = config->context;
  machine->timeout = config->timeout;
  machine->region_count = config->region_count;
  for (uint32_t i = 0; i < config->region_count; i++) machine->regions[i] = config->regions[i];
  for (uint32_t i = 0; i < config->line_count; i++) {
    struct line *line = calloc(1, sizeof *line);
    if (!line) {
      baseline_destroy(machine);
      return NULL;
    }
    line->index = i;
    line->flags = config->line_flags;
    line->next = machine->lines;
    machine->lines = line;
  }
  return machine;
}

void baseline_destroy(struct machine *machine) {
  struct line *line = machine->lines;
  while (line) {
    struct line *next = line->next;
    free(line);
    line = next;
  }
  pthread_mutex_destroy(&machine->mutex);
  free(machine);
}

uintptr_t baseline_line(struct machine *machine, uint32_t index) {
  struct line *line = machine->lines;
  while (line && line->index != index) line = line->next;
  return (uintptr_t)line;
}

static bool other_outstanding(const struct machine *machine, const struct line *line) {
  for (const struct line *other = machine->lines; other; other = other->next) {
    if (other != line && other->state != INACTIVE) return true;
  }
  return false;
}

void baseline_signal(struct machine *machine, uintptr_t handle) {
  struct line *line = (struct line *)handle;
  const struct callbacks *call = machine->callbacks;

  pthread_mutex_lock(&machine->mutex);
  bool wait = other_outstanding(machine, line);
  if (line->state == INACTIVE && wait) {
    line->state = PENDING;
    line->next_pending = NULL;
    if (machine->pending_head) machine->pending_tail->next_pending = line;
    else machine->pending_head = line;
    machine->pending_tail = line;
  } else {
    line->state = ACTIVE;
    call->mapping(machine->context, false);
    call->line(machine->context, line->index, true);
    if (machine->timeout) call->timer(machine->context, machine->timeout);
  }
  pthread_mutex_unlock(&machine->mutex);
}

static void end_of_interrupt(struct machine *machine) {
  const struct callbacks *call = machine->callbacks;

  pthread_mutex_lock(&machine->mutex);
  for (struct line *line = machine->lines; line; line = line->next) {
    if (line->state == ACTIVE) {
      line->state = INACTIVE;
      call->line(machine->context, line->index, false);
      if (line->flags & LINE_AUTOMASKED) call->unmask(machine->context, line->index);
      break;
    }
  }
  struct line *head = machine->pending_head;
  if (head) {
    head->state = ACTIVE;
    call->line(machine->context, head->index, true);
    machine->pending_head = head->next_pending;
    head->next_pending = NULL;
  }
  pthread_mutex_unlock(&machine->mutex);
}

bool baseline_access(struct machine *machine, struct access *access) {
  if (!access_allowed(machine->regions, machine->region_count, access)) return false;
  bool done = machine->callbacks->access(machine->context, access);
  if (done || access->write) end_of_interrupt(machine);
  return done;
}
