#include <poll.h>

#include "open.h"

struct set { struct vfio_irq_set head; int32_t fd; };

static int set(int device, unsigned flags, unsigned index, unsigned count, int fd, unsigned argsz) {
  struct set s = {{.argsz = argsz, .flags = flags, .index = index, .count = count}, fd};
  return ioctl(device, VFIO_DEVICE_SET_IRQS, &s);
}

static uint64_t drain(int fd) {
  uint64_t count = 0;
  return read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

enum { TRIGGER_FD = 0x24, UNMASK_FD = 0x14, MASK = 9, UNMASK = 0x11, LOOP_BACK = 0x21 };

static void check_validation(int device) {
  FAILS(EINVAL, set(device, LOOP_BACK, 0, 1, 0, 16));
  FAILS(EINVAL, set(device, LOOP_BACK, 2, 1, 0, 20));
  FAILS(EINVAL, set(device, LOOP_BACK, 0, 3, 0, 20));
  FAILS(EINVAL, set(device, LOOP_BACK, 0, UINT32_MAX, 0, 20));
  FAILS(EINVAL, set(device, 0x23, 0, 1, 0, 24));
  FAILS(EINVAL, set(device, 0x121, 0, 1, 0, 24));
  FAILS(EINVAL, set(device, TRIGGER_FD, 0, 1, 0, 20));
  FAILS(ENOTTY, set(device, 0x01, 0, 1, 0, 20));
  FAILS(EINVAL, set(device, MASK, 1, 1, 0, 20));
  FAILS(EBADF, set(device, TRIGGER_FD, 0, 1, 4000, 24));
  FAILS(EINVAL, set(device, TRIGGER_FD, 0, 1, device, 24));
  FAILS(EFAULT, ioctl(device, VFIO_DEVICE_SET_IRQS, NULL));
}

static void check_level(int device) {
  int trigger = eventfd(0, EFD_NONBLOCK), resample = eventfd(0, EFD_NONBLOCK);
  command("raise dev 0");
  WORKS(set(device, TRIGGER_FD, 0, 1, trigger, 24));
  IS(1, drain(trigger));
  IS(0, drain(trigger));
  WORKS(set(device, UNMASK, 0, 1, 0, 20));
  IS(1, drain(trigger));
  // Masked lines are not signalled, not even by the loop-back.
  WORKS(set(device, LOOP_BACK, 0, 1, 0, 20));
  IS(0, drain(trigger));
  WORKS(set(device, UNMASK_FD, 0, 1, resample, 24));
  FAILS(EBUSY, set(device, UNMASK_FD, 0, 1, resample, 24));
  // Whoever signals it: this process, which is seen at once, or libc's own write.
  uint64_t one = 1;
  WORKS(write(resample, &one, sizeof one));
  IS(1, drain(trigger));
  IS(0, drain(resample));
  WORKS(eventfd_write(resample, 1));
  struct pollfd arrived = {trigger, POLLIN, 0};
  IS(1, poll(&arrived, 1, 10000));
  IS(1, drain(trigger));
  // Closing the eventfd releases it, and another can be set.
  WORKS(close(resample));
  resample = eventfd(1, EFD_NONBLOCK);
  WORKS(set(device, UNMASK_FD, 0, 1, resample, 24));
  // One that was signalled already acts at once.
  IS(1, drain(trigger));
  command("lower dev 0");
  WORKS(set(device, UNMASK_FD, 0, 1, -1, 24));
  WORKS(set(device, UNMASK, 0, 1, 0, 20));
  WORKS(set(device, MASK, 0, 1, 0, 20));
  command("raise dev 0");
  IS(0, drain(trigger));
  // The mask outlives the trigger.
  WORKS(set(device, LOOP_BACK, 0, 0, 0, 20));
  WORKS(set(device, TRIGGER_FD, 0, 1, trigger, 24));
  IS(0, drain(trigger));
  WORKS(set(device, UNMASK, 0, 1, 0, 20));
  IS(1, drain(trigger));
  WORKS(close(trigger));
  WORKS(close(resample));
}

static void check_edge(int device) {
  int first = eventfd(0, EFD_NONBLOCK), second = eventfd(0, EFD_NONBLOCK);
  WORKS(set(device, TRIGGER_FD, 1, 1, first, 24));
  command("pulse dev 1 3");
  IS(3, drain(first));
  WORKS(set(device, TRIGGER_FD, 1, 1, second, 24));
  command("pulse dev 1");
  IS(0, drain(first));
  IS(1, drain(second));
  WORKS(set(device, LOOP_BACK, 1, 1, 0, 20));
  IS(1, drain(second));
  WORKS(set(device, TRIGGER_FD, 1, 1, -1, 24));
  command("pulse dev 1");
  IS(0, drain(second));
  WORKS(set(device, TRIGGER_FD, 1, 1, second, 24));
  IS(1, drain(second));
  WORKS(close(first));
  WORKS(close(second));
}

void check_irqs(void) {
  command("device dev group=7 region=0x1000 irq=level irq=edge");
  struct opened o = open_device();
  check_validation(o.device);
  check_level(o.device);
  check_edge(o.device);
  close_device(o);
  // request_irq fails at the open; every SET_IRQS on the line tells it.
  command("request-irq dev 0 16");
  o = open_device();
  FAILS(EBUSY, set(o.device, UNMASK, 0, 1, 0, 20));
  WORKS(set(o.device, LOOP_BACK, 1, 1, 0, 20));
  close_device(o);
}
