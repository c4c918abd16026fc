/* The parts of a PC that the firmware uses: i686, two 8259A, ELCR, 8254. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline uint8_t inb(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

/* The first serial port's data register; no UART settings are needed for v86's. */
#define COM1 0x3f8

static inline void irq_off(void) { __asm__ volatile("cli" ::: "memory"); }
static inline void irq_on(void) { __asm__ volatile("sti" ::: "memory"); }
/*
 * Sleeps until there has been an interrupt, also when they are off before and
 * after: nothing comes between STI and HLT.
 */
static inline void wait_for_interrupt(void) {
  __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* The interrupt input (IRQ 0 ... 15) whose handler runs. */
extern volatile uint32_t handled_input;
static inline uint32_t current_input(void) { return handled_input; }

/* Bit masks of interrupt inputs. */
void inputs_on(uint32_t mask);
void inputs_off(uint32_t mask);

/* Makes edge-triggered inputs of these, of those that are not always so. */
void inputs_as_edges(uint32_t mask);

/* Calls systick_handler() every so many cycles of the timer, 65 536 at most. */
void ticks_on(uint32_t cycles);
void ticks_off(void);
#define TICKS_PER_MS 1193

/* Each firmware defines these. */
int main(void);
void systick_handler(void);
void interrupt_handler(void);
void fault_handler(void);
