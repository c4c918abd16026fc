/* Commands of the control channel; play_lock held. */
#ifndef VFIO_PLAY_COMMANDS_H
#define VFIO_PLAY_COMMANDS_H

#include <stdio.h>

#include "play.h"

/** A device may have 1024 lines, each a word. */
enum { MAX_WORDS = 1200 };

/** @return NULL, or what is wrong */
typedef const char *command_run(char **words, int count, FILE *out);

struct command { const char *name; command_run *run; };

command_run command_device, command_remove, command_vanish, command_tear, command_hangup, command_reset;
command_run command_raise, command_lower, command_pulse, command_line, command_request_irq;
command_run command_peek, command_poke, command_dma_read, command_dma_write, command_info;
command_run command_counters, command_option, command_fail, command_short, command_clear, command_log;

#endif
