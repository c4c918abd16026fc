/* The emulator's side in the benchmark: callbacks that count. */
#ifndef CALLBACKS_H
#define CALLBACKS_H

#include "machine.h"

struct work {
  uint64_t ups;
  uint64_t downs;
  uint64_t unmasks;
  uint64_t accesses;
  uint64_t mappings;
  uint64_t timers;
  uint64_t sum; /* of the values that were read or written */
  uint64_t hash; /* of the order of all events: counting_and_hashing only */
  uint32_t memory[1024];
};

extern const struct callbacks counting;
extern const struct callbacks counting_and_hashing;

#endif
