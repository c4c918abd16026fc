/* How the control channel arms faults and reads the log; play_lock held. */
#ifndef VFIO_PLAY_FAULTS_H
#define VFIO_PLAY_FAULTS_H

#include "play.h"

/**
 * The nth call from now on fails.
 * @param what "any", or the name of a call, with ":<request>" or ":<path>"
 * @param limit bytes that a transfer is cut to instead of failing; -1: it fails
 * @param times how often; 0: for ever
 * @return false when it makes no sense, or there are too many
 */
bool fault_add(const char *what, long nth, long errno_value, long limit, long times);
void fault_clear(void);
void log_switch(bool on);
/** The log since the last time: one call a line, "name [request|path] result". */
const char *log_take(size_t *size);

#endif
