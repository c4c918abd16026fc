/*
 * What both C variants of the interrupt machine have in common: the device's
 * regions, the callbacks that cross its boundary, and the rules.
 *
 * The rules (policy 'qemu' of the device specification):
 *  signal   a line that is INACTIVE while another one is ACTIVE or PENDING
 *           becomes PENDING and joins the queue. Otherwise it becomes ACTIVE:
 *           direct mapping off, line up, timer armed.
 *  access   bounds and flags of the region, then the access itself, then: the
 *           ACTIVE line of highest index becomes INACTIVE, line down, unmask
 *           if automasked; and the head of the queue becomes ACTIVE, line up.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { REGION_READ = 1, REGION_WRITE = 2 };
enum { LINE_AUTOMASKED = 2 };
enum { MAX_REGIONS = 64, MAX_LINES = 1024 };

struct region {
  uint64_t size;
  uint32_t flags;
};

/* One guest access; a read leaves its result in value. */
struct access {
  uint64_t offset;
  uint64_t value;
  uint32_t region;
  uint8_t width;
  bool write;
};

/* Supplied by the emulator, so never inlined: callbacks.c. */
struct callbacks {
  void (*mapping)(void *context, bool on);
  void (*line)(void *context, uint32_t index, bool up);
  void (*unmask)(void *context, uint32_t index);
  void (*timer)(void *context, uint32_t milliseconds);
  bool (*access)(void *context, struct access *access);
};

struct config {
  const struct callbacks *callbacks;
  void *context;
  const struct region *regions;
  uint32_t region_count;
  uint32_t line_count;
  uint32_t line_flags;
  uint32_t timeout;
};

/*
 * What every access is checked for before it reaches the device. The two
 * variants share it: there is one sensible way to write it.
 */
static inline bool access_allowed(const struct region *regions, uint32_t count,
                                  const struct access *access) {
  if (access->region >= count) return false;
  const struct region *region = &regions[access->region];
  switch (access->width) {
    case 1:
    case 2:
    case 4:
    case 8:
      break;
    default:
      return false;
  }
  if (!(region->flags & (access->write ? REGION_WRITE : REGION_READ))) return false;
  return access->offset <= region->size && access->width <= region->size - access->offset;
}

/* Each variant has its own; a handle is what the event loop is given for a line. */
struct machine;

struct machine *baseline_create(const struct config *config);
void baseline_destroy(struct machine *machine);
uintptr_t baseline_line(struct machine *machine, uint32_t index);
void baseline_signal(struct machine *machine, uintptr_t line);
bool baseline_access(struct machine *machine, struct access *access);

struct machine *best_create(const struct config *config);
void best_destroy(struct machine *machine);
uintptr_t best_line(struct machine *machine, uint32_t index);
void best_signal(struct machine *machine, uintptr_t line);
bool best_access(struct machine *machine, struct access *access);

#endif
