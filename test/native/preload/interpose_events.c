/* eventfd and epoll: real ones, with failures and hang-ups on request. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "interpose.h"

EXPORT int eventfd(unsigned initial, int flags) {
  lock();
  long fd = fault_strike(CALL_EVENTFD, NULL, NULL);
  if (fd == 0) {
    fd = RAW2(SYS_eventfd2, initial, flags);
    if (fd >= 0) eventfd_adopt((int)fd);
    fault_log(CALL_EVENTFD, 0, NULL, fd);
  }
  unlock();
  return (int)answer(fd);
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  struct file *file = file_of(fd);
  if (file == NULL || file->kind != EVENTFD)
    return (int)answer(RAW4(SYS_epoll_ctl, epoll, operation, fd, event));
  struct eventfd *watched = (struct eventfd *)file;
  lock();
  long result = fault_strike(CALL_EPOLL, NULL, NULL);
  if (result == 0) {
    result = RAW4(SYS_epoll_ctl, epoll, operation, fd, event);
    fault_log(CALL_EPOLL, 0, NULL, result);
  }
  if (result == 0 && operation != EPOLL_CTL_MOD) {
    bool added = operation == EPOLL_CTL_ADD;
    if (added != (watched->epoll >= 0)) counters.watches += added ? 1 : -1;
    watched->epoll = added ? epoll : -1;
  }
  if (result == 0 && operation != EPOLL_CTL_DEL) watched->epoll_data = event->data.u64;
  unlock();
  return (int)answer(result);
}

/** Real eventfds never hang up: those that shall seem to, do here. */
static long hang_up(int epoll, struct epoll_event *events, long count) {
  if (count <= 0 || !any_hung_up) return count;
  lock();
  for (int fd = 0; fd < MAX_FDS; fd++) {
    struct file *file = file_of(fd);
    if (file == NULL || file->kind != EVENTFD) continue;
    struct eventfd *watched = (struct eventfd *)file;
    if (!watched->hung_up || watched->epoll != epoll) continue;
    for (long i = 0; i < count; i++)
      if (events[i].data.u64 == watched->epoll_data)
        events[i].events = EPOLLHUP, counters.hang_ups++;
  }
  unlock();
  return count;
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  long count = RAW(SYS_epoll_pwait, epoll, events, most, timeout, NULL, 8);
  return (int)answer(hang_up(epoll, events, count));
}
EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
  long count = RAW(SYS_epoll_pwait, epoll, events, most, timeout, mask, 8);
  return (int)answer(hang_up(epoll, events, count));
}
