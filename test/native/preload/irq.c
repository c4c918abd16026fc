/* Interrupt lines: the wire from the device, and the handler of vfio-platform. */
#include <errno.h>
#include <string.h>

#include "play.h"
#include "raw.h"

/** Linux would go on for ever with a line whose trigger unmasks it. */
enum { MAX_STORM = 64 };

static bool may_fire(const struct line *line) {
  return line->high && !line->masked && line->trigger != NULL;
}

/** The interrupt handler; also run by the loop-back. */
static void handle(struct line *line) {
  if (line->level) {
    if (line->masked) return;
    line->masked = true;
  }
  if (line->trigger == NULL) return;
  line->signals++;
  eventfd_signal(line->trigger);
}

/** Fires a level line that is high and enabled; again after a nested unmask. */
static void resample(struct line *line) {
  if (!may_fire(line)) return;
  if (line->firing) {
    line->refire = true;
    return;
  }
  line->firing = true;
  int left = MAX_STORM;
  do {
    line->refire = false;
    handle(line);
  } while (line->refire && --left > 0 && may_fire(line));
  line->firing = false;
  if (left == 0) line->masked = true;
}

void line_drive(struct line *line, bool high) {
  bool rises = high && !line->high;
  line->high = high;
  if (!rises) return;
  if (line->level) resample(line);
  else if (line->trigger != NULL) handle(line);
  else line->latched = true;
}

static void unmask(struct line *line) {
  if (!line->masked) return;
  line->masked = false;
  resample(line);
}

static void disarm(struct line *line) {
  if (line->trigger == NULL) return;
  file_put(&line->trigger->file);
  line->trigger = NULL;
}

static void arm(struct line *line, struct eventfd *trigger) {
  file_hold(&trigger->file);
  line->trigger = trigger;
  if (line->level) resample(line);
  else if (line->latched) {
    line->latched = false;
    handle(line);
  }
}

static void clear_virqfd(struct eventfd **slot) {
  struct eventfd *eventfd = *slot;
  if (eventfd == NULL) return;
  *slot = NULL;
  eventfd_consume(eventfd, false);
  file_put(&eventfd->file);
}

static long set_virqfd(struct line *line, bool masks, struct eventfd *eventfd) {
  struct eventfd **slot = masks ? &line->mask_fd : &line->unmask_fd;
  if (*slot != NULL) return -EBUSY;
  file_hold(&eventfd->file);
  *slot = eventfd;
  eventfd_consume(eventfd, true);
  /* The kernel only polls for an earlier signal; the count stays until the next one. */
  eventfd->acted_on = eventfd_count(eventfd);
  if (eventfd->acted_on > 0) {
    if (masks) line->masked = true;
    else unmask(line);
  }
  return 0;
}

static void for_consumers(struct eventfd *eventfd, void (*act)(struct line *, bool masks)) {
  for (struct device *device = board_devices; device != NULL; device = device->next) {
    for (uint32_t i = 0; i < device->line_count; i++) {
      struct line *line = &device->lines[i];
      if (line->mask_fd == eventfd) act(line, true);
      if (line->unmask_fd == eventfd) act(line, false);
    }
  }
}

static bool found;
static void find(struct line *line, bool masks) {
  (void)line, (void)masks;
  found = true;
}

static void run(struct line *line, bool masks) {
  if (masks) line->masked = true;
  else unmask(line);
}

void virqfd_run(struct eventfd *eventfd) {
  if (counters.virqfds == 0) return;
  found = false;
  for_consumers(eventfd, find);
  if (!found || (eventfd->acted_on > 0 && eventfd_count(eventfd) == eventfd->acted_on)) return;
  eventfd->acted_on = 0;
  if (eventfd_drain(eventfd) > 0) for_consumers(eventfd, run);
}

static void forget(struct line *line, bool masks) {
  clear_virqfd(masks ? &line->mask_fd : &line->unmask_fd);
}

void virqfd_release(struct eventfd *eventfd) {
  if (counters.virqfds > 0) for_consumers(eventfd, forget);
}

void line_shut_down(struct line *line) {
  clear_virqfd(&line->mask_fd);
  clear_virqfd(&line->unmask_fd);
  disarm(line);
  line->masked = line->latched = false;
}

static long set_eventfd(struct line *line, uint32_t action, int fd) {
  long error = 0;
  if (action == SET_TRIGGER) {
    /* The old trigger goes first: a bad descriptor leaves the line disabled. */
    disarm(line);
    if (fd < 0) return 0;
    struct eventfd *eventfd = eventfd_of(fd, &error);
    if (eventfd != NULL) arm(line, eventfd);
    return error;
  }
  if (!line->level) return -EINVAL;
  if (fd < 0) {
    clear_virqfd(action == SET_MASK ? &line->mask_fd : &line->unmask_fd);
    return 0;
  }
  struct eventfd *eventfd = eventfd_of(fd, &error);
  return eventfd == NULL ? error : set_virqfd(line, action == SET_MASK, eventfd);
}

static long act(struct line *line, uint32_t action, bool really) {
  if (action == SET_TRIGGER) {
    if (really) handle(line);
    return 0;
  }
  if (!line->level) return -EINVAL;
  if (!really) return 0;
  if (action == SET_MASK) line->masked = true;
  else unmask(line);
  return 0;
}

/** vfio_set_irqs_validate_and_prepare, then vfio_platform_set_irqs_ioctl. */
long irq_set(struct device *device, const struct irq_set *set) {
  uint32_t lines = device->line_count;
  if (set->argsz < sizeof *set || set->index >= lines || set->count >= UINT32_MAX - set->start)
    return -EINVAL;
  if ((set->flags & ~(uint32_t)(SET_DATA | SET_ACTION)) != 0) return -EINVAL;
  /* Not a slip: Linux bounds start and count by the number of indices. */
  if (set->start >= lines || set->start + set->count > lines) return -EINVAL;
  uint32_t data = set->flags & SET_DATA, action = set->flags & SET_ACTION;
  if (data != SET_NONE && data != SET_BOOL && data != SET_EVENTFD) return -EINVAL;
  uint32_t size = data == SET_BOOL ? 1 : data == SET_EVENTFD ? 4 : 0;
  if (set->argsz - sizeof *set < (uint64_t)set->count * size) return -EINVAL;
  if (action != SET_MASK && action != SET_UNMASK && action != SET_TRIGGER) return -ENOTTY;
  struct line *line = &device->lines[set->index];
  if (line->request_error != 0) return line->request_error;
  if (action == SET_TRIGGER && set->count == 0 && data == SET_NONE) {
    disarm(line);
    return 0;
  }
  if (set->start != 0 || set->count != 1) return -EINVAL;
  if (data == SET_EVENTFD) {
    int32_t fd;
    memcpy(&fd, set->data, sizeof fd);
    return set_eventfd(line, action, fd);
  }
  return act(line, action, data == SET_NONE || set->data[0] != 0);
}
