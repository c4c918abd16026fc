/*
 * Makes the accesses that the host puts into a table at the start of RAM, and
 * counts interrupts. For the tests of the machine adapter.
 */
#include "board.h"

#define ACCESSES 32

enum { READ = 0, WRITE = 1 };
enum { SPIN = 0, SLEEP = 1, SLEEP_MASKED = 2 };

/* The host fills this in before the start; it is not cleared at reset. */
__attribute__((section(".shared"), used)) static volatile struct {
  uint32_t state;          /* 0x00: 1 when all accesses are done */
  uint32_t enable;         /* 0x04: interrupt inputs to enable, a bit mask */
  uint32_t idle;           /* 0x08: what to do after the accesses */
  uint32_t access_count;   /* 0x0c */
  uint32_t passes;         /* 0x10: through the idle loop */
  uint32_t systicks;       /* 0x14 */
  uint32_t systick_period; /* 0x18: in cycles, 0 for none */
  uint32_t edges;          /* 0x1c: inputs that shall be edges, a bit mask; on a PC */
  uint32_t handled[32];    /* 0x20: interrupts by input */
  uint32_t clear[32];      /* 0xa0: where the handler of an input writes 1, or 0 */
  struct {
    uint32_t direction, width, address, value;
  } accesses[ACCESSES]; /* 0x120 */
  uint32_t repeat;      /* 0x320: times that all accesses are made again */
} shared;

void systick_handler(void) { shared.systicks++; }

void fault_handler(void) {
  for (;;) wait_for_interrupt();
}

void interrupt_handler(void) {
  uint32_t input = current_input();
  shared.handled[input]++;
  if (shared.clear[input]) *(volatile uint32_t *)shared.clear[input] = 1;
}

#ifndef __arm__
/* 8 bytes at once, by a register of MMX. A write has the complement in its upper half. */
static uint32_t load8(uint32_t address) {
  uint64_t value;
  __asm__ volatile("movq %1, %%mm0; movq %%mm0, %0; emms"
                   : "=m"(value)
                   : "m"(*(volatile uint64_t *)address));
  return (uint32_t)value;
}
static void store8(uint32_t address, uint32_t low) {
  uint64_t value = (uint64_t)~low << 32 | low;
  __asm__ volatile("movq %1, %%mm0; movq %%mm0, %0; emms"
                   : "=m"(*(volatile uint64_t *)address)
                   : "m"(value));
}
#endif

static uint32_t load(uint32_t address, uint32_t width) {
#ifndef __arm__
  if (width == 8) return load8(address);
#endif
  if (width == 1) return *(volatile uint8_t *)address;
  if (width == 2) return *(volatile uint16_t *)address;
  return *(volatile uint32_t *)address;
}

static void store(uint32_t address, uint32_t width, uint32_t value) {
#ifndef __arm__
  if (width == 8) {
    store8(address, value);
    return;
  }
#endif
  if (width == 1) {
    *(volatile uint8_t *)address = (uint8_t)value;
  } else if (width == 2) {
    *(volatile uint16_t *)address = (uint16_t)value;
  } else {
    *(volatile uint32_t *)address = value;
  }
}

int main(void) {
#ifndef __arm__
  inputs_as_edges(shared.edges);
#endif
  inputs_on(shared.enable);
  if (shared.systick_period) ticks_on(shared.systick_period);
  uint32_t repeat = shared.repeat;
  do {
    for (uint32_t i = 0; i < shared.access_count && i < ACCESSES; i++) {
      uint32_t address = shared.accesses[i].address;
      uint32_t width = shared.accesses[i].width;
      if (shared.accesses[i].direction == WRITE) {
        store(address, width, shared.accesses[i].value);
      } else {
        shared.accesses[i].value = load(address, width);
      }
    }
  } while (repeat-- > 0);
  shared.state = 1;
  for (;;) {
    shared.passes++;
    if (shared.idle == SLEEP_MASKED) irq_off();
    if (shared.idle != SPIN) wait_for_interrupt();
    irq_on();
  }
}
