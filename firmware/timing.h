/* Bounded waits. Time is that of the board's tick, never that of a device. */
#pragma once
#include "board.h"

extern volatile uint32_t now_ms;

static inline void timing_init(void) { ticks_on(TICKS_PER_MS); }

/* Roughly 20 us. */
static inline void short_pause(void) {
  for (volatile int i = 0; i < 200; i++) {
  }
}

/* One tick more than asked, because the first may come at once. */
#define TIME_IS_UP(start, ms) (now_ms - (start) > (uint32_t)(ms))

/* Sleeps until `condition`, which is looked at with interrupts off, after each interrupt. */
#define SLEEP_UNTIL(condition, ms)                                      \
  ({                                                                    \
    uint32_t start_ = now_ms;                                           \
    bool met_;                                                          \
    for (;;) {                                                          \
      irq_off();                                                        \
      met_ = (condition);                                               \
      if (met_ || TIME_IS_UP(start_, ms)) break;                        \
      wait_for_interrupt();                                             \
      irq_on();                                                         \
    }                                                                   \
    irq_on();                                                           \
    met_;                                                               \
  })

/* The same for a condition that no interrupt tells of. */
#define BUSY_WAIT_FOR(condition, ms)                                    \
  ({                                                                    \
    uint32_t start_ = now_ms;                                           \
    bool met_;                                                          \
    while (!(met_ = (condition)) && !TIME_IS_UP(start_, ms)) short_pause(); \
    met_;                                                               \
  })
