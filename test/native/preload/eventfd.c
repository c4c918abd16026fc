/* Real eventfds, and what the played kernel remembers of them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "play.h"
#include "raw.h"

atomic_bool any_hung_up;

/** Watches the eventfds that this kernel consumes, for writers outside the process and for KVM. */
static int consumer = -1;

static void release(struct file *file) { free(file); }

static const struct file_ops ops = {.release = release};

void eventfd_adopt(int fd) {
  struct eventfd *eventfd = calloc(1, sizeof *eventfd);
  if (eventfd == NULL) abort();
  *eventfd = (struct eventfd){.file = {EVENTFD, &ops, 1, 0}, .epoll = -1};
  file_attach(&eventfd->file, fd);
  file_put(&eventfd->file);
}

static bool is_eventfd(int fd) {
  static const char wanted[] = "anon_inode:[eventfd]";
  char path[32] = "/proc/self/fd/", digits[12], target[64];
  size_t length = 0, at = strlen(path);
  do digits[length++] = (char)('0' + fd % 10);
  while ((fd /= 10) > 0);
  while (length > 0) path[at++] = digits[--length];
  long size = RAW4(SYS_readlinkat, -100, path, target, sizeof target);
  return size == sizeof wanted - 1 && memcmp(target, wanted, (size_t)size) == 0;
}

struct eventfd *eventfd_of(int fd, long *error) {
  struct file *file = file_of(fd);
  if (file == NULL && fd >= 0 && is_eventfd(fd)) {
    eventfd_adopt(fd);
    file = file_of(fd);
  }
  if (file != NULL && file->kind == EVENTFD) return (struct eventfd *)file;
  *error = file == NULL && RAW3(SYS_fcntl, fd, 1, 0) == -EBADF ? -EBADF : -EINVAL;
  return NULL;
}

void eventfd_signal(struct eventfd *eventfd) {
  uint64_t one = 1;
  int fd = file_descriptor(&eventfd->file);
  if (fd < 0) return;
  RAW3(SYS_write, fd, &one, sizeof one);
  virqfd_run(eventfd);
}

uint64_t eventfd_drain(struct eventfd *eventfd) {
  uint64_t count = 0;
  struct pollfd ready = {file_descriptor(&eventfd->file), POLLIN, 0};
  struct timespec now = {0, 0};
  if (ready.fd < 0 || RAW4(SYS_ppoll, &ready, 1, &now, NULL) != 1) return 0;
  return RAW3(SYS_read, ready.fd, &count, sizeof count) == sizeof count ? count : 0;
}

/** Looks without taking: /proc tells the count. */
uint64_t eventfd_count(struct eventfd *eventfd) {
  char path[48] = "/proc/self/fdinfo/", text[256], digits[12];
  int fd = file_descriptor(&eventfd->file);
  if (fd < 0) return 0;
  size_t length = 0, at = strlen(path);
  do digits[length++] = (char)('0' + fd % 10);
  while ((fd /= 10) > 0);
  while (length > 0) path[at++] = digits[--length];
  long info = RAW4(SYS_openat, -100, path, 0, 0);
  if (info < 0) return 0;
  long size = RAW3(SYS_read, info, text, sizeof text - 1);
  RAW1(SYS_close, info);
  text[size < 0 ? 0 : size] = '\0';
  const char *found = strstr(text, "eventfd-count:");
  return found == NULL ? 0 : strtoull(found + 14, NULL, 16);
}

static void *consume(void *unused) {
  (void)unused;
  for (;;) {
    struct epoll_event event;
    if (RAW(SYS_epoll_pwait, consumer, &event, 1, -1, NULL, 8) != 1) continue;
    pthread_mutex_lock(&play_lock);
    struct file *file = file_of(event.data.fd);
    if (file != NULL && file->kind == EVENTFD) virqfd_run((struct eventfd *)file);
    pthread_mutex_unlock(&play_lock);
  }
  return NULL;
}

static void start_consumer(void) {
  pthread_t thread;
  sigset_t all, old;
  consumer = (int)RAW1(SYS_epoll_create1, EPOLL_CLOEXEC);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  if (pthread_create(&thread, NULL, consume, NULL) == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void eventfd_consume(struct eventfd *eventfd, bool on) {
  int fd = file_descriptor(&eventfd->file);
  if (consumer < 0) start_consumer();
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
  if (fd >= 0) RAW4(SYS_epoll_ctl, consumer, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
  counters.virqfds += on ? 1 : -1;
}

void eventfd_abandoned(struct eventfd *eventfd) {
  virqfd_release(eventfd);
  if (eventfd->epoll >= 0) counters.watches--;
  eventfd->epoll = -1;
}

void eventfd_hang_up(struct eventfd *eventfd) {
  eventfd->hung_up = true;
  any_hung_up = true;
  eventfd_signal(eventfd);
}
