/* Mappings of device regions. Each holds its file open, as a VMA does. */
#include <stdlib.h>

#include "play.h"

struct mapping { uint64_t start, end; struct file *file; };

static struct mapping *mappings;
static size_t capacity;
static atomic_size_t used;

bool mapping_any(void) { return atomic_load(&used) > 0 || counters.dma_mappings > 0; }

void mapping_add(uint64_t start, uint64_t size, struct file *file) {
  if (used == capacity) {
    capacity = capacity == 0 ? 64 : capacity * 2;
    mappings = realloc(mappings, capacity * sizeof *mappings);
    if (mappings == NULL) abort();
  }
  mappings[used++] = (struct mapping){start, start + size, file};
  file_hold(file);
  counters.mappings++;
}

static void remove_at(size_t index) {
  struct file *file = mappings[index].file;
  mappings[index] = mappings[--used];
  counters.mappings--;
  file_put(file);
}

void mapping_drop(uint64_t start, uint64_t size) {
  uint64_t end = start + size;
  space_note_unmapped(start, size);
  for (size_t i = 0; i < used;) {
    struct mapping found = mappings[i];
    if (found.end <= start || end <= found.start) {
      i++;
      continue;
    }
    if (found.start < start) mapping_add(found.start, start - found.start, found.file);
    if (end < found.end) mapping_add(end, found.end - end, found.file);
    remove_at(i);
    i = 0;
  }
}

void mapping_move(uint64_t from, uint64_t size, uint64_t to) {
  for (size_t i = 0; i < used; i++) {
    struct mapping *mapping = &mappings[i];
    if (mapping->start < from || from + size < mapping->end) continue;
    mapping->start += to - from;
    mapping->end += to - from;
  }
}

bool mapping_overlaps(uint64_t start, uint64_t size) {
  for (size_t i = 0; i < used; i++)
    if (mappings[i].start < start + size && start < mappings[i].end) return true;
  return false;
}
