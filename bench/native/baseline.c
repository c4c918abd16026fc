/* What a C program needs for the same: native-c latency|sustained|load|loads|unmask COUNT [threads].
 * It runs on the played kernel as ours does. Prints ns. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "signaller.h"

/** A device as a C emulator has it: its registers, a lock, and who hears of the line. */
struct device {
  int fd, trigger, done;
  volatile uint32_t *registers;
  pthread_mutex_t lock;
  void (*up)(struct device *);
  void (*down)(struct device *);
  double *latencies;
  uint32_t ups, downs;
};

static void up(struct device *device) {
  if (device->latencies != NULL)
    device->latencies[device->ups] = (double)(now_ns() - signaller_written_at());
  device->ups++;
}

static void down(struct device *device) { device->downs++; }

static void command(const char *text) {
  char answer[256];
  int control = open("/dev/vfio-play", O_RDWR);
  if (write(control, text, strlen(text)) < 0 || read(control, answer, sizeof answer) < 0) abort();
  close(control);
}

static void set_trigger(int device, int fd) {
  char room[sizeof(struct vfio_irq_set) + sizeof fd];
  struct vfio_irq_set *set = (void *)room;
  *set = (struct vfio_irq_set){.argsz = sizeof room, .count = 1,
      .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER};
  memcpy(set->data, &fd, sizeof fd);
  if (ioctl(device, VFIO_DEVICE_SET_IRQS, set) != 0) abort();
}

static void open_device(struct device *device) {
  command("device bench region=0x1000 irq=level");
  int group = open("/dev/vfio/0", O_RDWR), container = open("/dev/vfio/vfio", O_RDWR);
  ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
  ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
  device->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "bench");
  device->registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, 0);
  if (device->fd < 0 || device->registers == MAP_FAILED) abort();
  device->trigger = eventfd(0, EFD_NONBLOCK);
  device->done = eventfd(0, 0);
  set_trigger(device->fd, device->trigger);
  pthread_mutex_init(&device->lock, NULL);
  device->up = up;
  device->down = down;
}

/** The interrupts: epoll, drain, line up; the guest reads a register: line down. */
static void serve(struct device *device, uint32_t count) {
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = device};
  epoll_ctl(epoll, EPOLL_CTL_ADD, device->trigger, &event);
  const uint64_t one = 1;
  while (device->ups < count) {
    uint64_t drained;
    if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
    struct device *found = event.data.ptr;
    if (read(found->trigger, &drained, sizeof drained) != sizeof drained) continue;
    pthread_mutex_lock(&found->lock);
    found->up(found);
    pthread_mutex_unlock(&found->lock);
    (void)found->registers[1];
    pthread_mutex_lock(&found->lock);
    found->down(found);
    pthread_mutex_unlock(&found->lock);
    if (write(found->done, &one, sizeof one) != sizeof one) abort();
  }
  close(epoll);
}

static double latency(struct device *device, uint32_t count) {
  device->latencies = calloc(count, sizeof(double));
  signaller_start(device->trigger, device->done, count, 50);
  serve(device, count);
  signaller_finish();
  return median_of(device->latencies, count);
}

static double sustained(struct device *device, uint32_t count) {
  signaller_start(device->trigger, device->done, count, 0);
  serve(device, count);
  return (double)signaller_finish() / count;
}

/* Sixteen in a row, so that the loop around them does not count. */
#define LOAD sum += registers[1];
#define FOUR_LOADS LOAD LOAD LOAD LOAD

/* Each from where the one before it said. */
#define STEP offset = *(volatile uint32_t *)(registers + offset);
#define FOUR_STEPS STEP STEP STEP STEP

static double load(struct device *device, uint32_t count) {
  volatile char *registers = (volatile char *)device->registers;
  uint32_t offset = 8;
  uint64_t start = now_ns();
  for (uint32_t i = 0; i < count; i += 16) { FOUR_STEPS FOUR_STEPS FOUR_STEPS FOUR_STEPS }
  double ns = (double)(now_ns() - start) / count;
  if (offset != 8) abort();
  return ns;
}

static double loads(struct device *device, uint32_t count) {
  volatile uint32_t *registers = device->registers;
  uint32_t sum = 0;
  uint64_t start = now_ns();
  for (uint32_t i = 0; i < count; i += 16) { FOUR_LOADS FOUR_LOADS FOUR_LOADS FOUR_LOADS }
  double ns = (double)(now_ns() - start) / count;
  if (sum != 7 * count) abort();
  return ns;
}

static double unmask(struct device *device, uint32_t count) {
  struct vfio_irq_set set = {.argsz = sizeof set, .count = 1,
      .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK};
  uint64_t start = now_ns();
  for (uint32_t i = 0; i < count; i++)
    if (ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set) != 0) abort();
  return (double)(now_ns() - start) / count;
}

static void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(int argc, char **argv) {
  struct device device = {0};
  if (argc < 3) return 2;
  uint32_t count = (uint32_t)strtoul(argv[2], NULL, 0);
  /* In a process with threads the kernel counts each use of a file, and the C library locks. */
  pthread_t thread;
  if (argc > 3 && pthread_create(&thread, NULL, idle, NULL) != 0) return 1;
  command("option pass-through 1");
  open_device(&device);
  command("poke bench 0 4 07000000");
  command("poke bench 0 8 08000000");
  double ns = 0;
  for (int round = 0; round < 2; round++) {
    device.ups = 0;
    if (strcmp(argv[1], "latency") == 0) ns = latency(&device, count);
    else if (strcmp(argv[1], "sustained") == 0) ns = sustained(&device, count);
    else if (strcmp(argv[1], "load") == 0) ns = load(&device, count);
    else if (strcmp(argv[1], "loads") == 0) ns = loads(&device, count);
    else ns = unmask(&device, count);
  }
  printf("%f\n", ns);
  return 0;
}
