/*
 * One loop without an end, or one of many accesses; the host chooses. For the
 * benchmark, and for the test that no interrupt is lost.
 */
#include "board.h"

enum { READS = 0, STORES = 1, SPIN = 2, SLEEP = 3 };
/* Sent by COM1 before and after the accesses. */
enum { STARTED = 0xf0, FINISHED = 0xf1 };

/* The host fills this in before the start. */
__attribute__((section(".shared"), used)) static volatile struct {
  uint32_t state;   /* 0x00: 1 when the accesses are done */
  uint32_t mode;    /* 0x04 */
  uint32_t enable;  /* 0x08: interrupt inputs to enable, a bit mask */
  uint32_t address; /* 0x0c: of the register */
  uint32_t count;   /* 0x10: of accesses */
  uint32_t clear;   /* 0x14: where the handler writes 1, or 0 */
  uint32_t handled; /* 0x18: interrupts */
  uint32_t repeat;  /* 0x1c: times that all accesses are made */
} shared;

void systick_handler(void) {}

void fault_handler(void) {
  for (;;) wait_for_interrupt();
}

void interrupt_handler(void) {
  shared.handled++;
  if (shared.clear) *(volatile uint32_t *)shared.clear = 1;
}

static void reads(volatile uint32_t *reg, uint32_t count) {
  for (; count > 0; count -= 8) {
    *reg, *reg, *reg, *reg, *reg, *reg, *reg, *reg;
  }
}

/* Tight, so that an emulator that compiles keeps everything in its own registers. */
static void stores(volatile uint32_t *reg, uint32_t count) {
  for (; count > 0; count--) *reg = count;
}

int main(void) {
  volatile uint32_t *reg = (volatile uint32_t *)shared.address;
  inputs_on(shared.enable);
  for (uint32_t i = 0; i < shared.repeat; i++) {
    outb(COM1, STARTED);
    if (shared.mode == READS) reads(reg, shared.count);
    if (shared.mode == STORES) stores(reg, shared.count);
    outb(COM1, FINISHED);
  }
  shared.state = 1;
  while (shared.mode == SPIN) {
  }
  for (;;) wait_for_interrupt();
}
