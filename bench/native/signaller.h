/* The thread that plays the hardware: it writes an eventfd and notes when. */
#ifndef BENCH_SIGNALLER_H
#define BENCH_SIGNALLER_H

#include <stdint.h>

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/**
 * Starts a thread that writes `trigger` `count` times. After each it waits for
 * a completion (a write to `done`), and then for `pause_us`.
 */
void signaller_start(int trigger, int done, uint32_t count, uint32_t pause_us);
/** When the signal that is on its way was written. */
uint64_t signaller_written_at(void);
/** Waits for the thread. @return ns from its first signal to its last completion */
uint64_t signaller_finish(void);

/** Sorts, and gives the middle. */
double median_of(double *values, uint32_t count);

#endif
