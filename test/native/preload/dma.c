/* I/O address spaces: what devices may reach of this process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "raw.h"

static struct space *spaces;

struct space *space_new(void) {
  struct space *space = calloc(1, sizeof *space);
  if (space == NULL) abort();
  space->next = spaces;
  spaces = space;
  return space;
}

void space_free(struct space *space) {
  struct space **link = &spaces;
  while (*link != space) link = &(*link)->next;
  *link = space->next;
  counters.dma_mappings -= (long)space->count;
  free(space->entries);
  free(space);
}

struct dma_entry *space_overlapping(struct space *space, uint64_t first, uint64_t last) {
  for (size_t i = 0; i < space->count; i++) {
    struct dma_entry *entry = &space->entries[i];
    if (entry->iova <= last && first <= entry->iova + (entry->size - 1)) return entry;
  }
  return NULL;
}

static uint64_t locked(const struct space *space) {
  uint64_t sum = 0;
  for (size_t i = 0; i < space->count; i++) sum += space->entries[i].size;
  return sum;
}

/** -ENOMEM beyond RLIMIT_MEMLOCK, -EFAULT when there is no memory to pin. */
long space_insert(struct space *space, struct dma_entry entry) {
  if (!user_memory(entry.address, entry.size)) return -EFAULT;
  if (locked(space) + entry.size > options.memlock) return -ENOMEM;
  space->entries = realloc(space->entries, (space->count + 1) * sizeof entry);
  if (space->entries == NULL) abort();
  space->entries[space->count++] = entry;
  counters.dma_mappings++;
  return 0;
}

void space_remove(struct space *space, struct dma_entry *entry) {
  *entry = space->entries[--space->count];
  counters.dma_mappings--;
}

bool user_memory(uint64_t address, uint64_t size) {
  uint64_t page = address & ~(uint64_t)(PLAYED_PAGE - 1);
  unsigned char resident[256];
  while (page < address + size) {
    uint64_t left = address + size - page, chunk = sizeof resident * (uint64_t)PLAYED_PAGE;
    if (RAW3(SYS_mincore, page, left < chunk ? left : chunk, resident) != 0) return false;
    page += chunk;
  }
  return true;
}

bool iova_allowed(uint64_t first, uint64_t last) {
  for (uint32_t i = 0; i < options.range_count; i++)
    if (options.ranges[i].first <= first && last <= options.ranges[i].last) return true;
  return false;
}

void space_note_unmapped(uint64_t address, uint64_t size) {
  for (struct space *space = spaces; space != NULL; space = space->next) {
    for (size_t i = 0; i < space->count; i++) {
      struct dma_entry *entry = &space->entries[i];
      if (entry->address < address + size && address < entry->address + entry->size)
        counters.torn_dma++;
    }
  }
}

bool space_transfer(struct space *space, uint64_t iova, void *bytes, size_t length, bool to_device) {
  uint8_t *at = bytes;
  while (length > 0) {
    struct dma_entry *entry = space == NULL ? NULL : space_overlapping(space, iova, iova);
    if (entry == NULL || !(to_device ? entry->readable : entry->writable)) {
      counters.dma_faults++;
      return false;
    }
    uint64_t inside = iova - entry->iova, left = entry->size - inside;
    size_t part = length < left ? length : (size_t)left;
    void *memory = (void *)(uintptr_t)(entry->address + inside);
    if (to_device) memcpy(at, memory, part);
    else memcpy(memory, at, part);
    at += part, iova += part, length -= part;
  }
  return true;
}
