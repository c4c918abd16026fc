/* The parts of a Cortex-M0+ that the firmware uses (ARM DDI 0419, ARMv6-M). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The RP2040's processor clock as rp2040js has it after a reset. */
#define CPU_HZ 125000000u

#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)
#define NVIC_ISER (*(volatile uint32_t *)0xe000e100u)
#define NVIC_ICER (*(volatile uint32_t *)0xe000e180u)

#define SYST_CSR_ENABLE 1u
#define SYST_CSR_TICKINT 2u
#define SYST_CSR_CPU_CLOCK 4u

static inline void irq_off(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void irq_on(void) { __asm__ volatile("cpsie i" ::: "memory"); }
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }
/* The number of the exception that is being handled; interrupt input n is 16 + n. */
static inline uint32_t current_exception(void) {
  uint32_t number;
  __asm__ volatile("mrs %0, ipsr" : "=r"(number));
  return number;
}

static inline uint32_t current_input(void) { return current_exception() - 16; }
/* Bit masks of interrupt inputs. */
static inline void inputs_on(uint32_t mask) { NVIC_ISER = mask; }
static inline void inputs_off(uint32_t mask) { NVIC_ICER = mask; }

/* Calls systick_handler() every so many processor cycles. */
static inline void ticks_on(uint32_t cycles) {
  SYST_RVR = cycles - 1;
  SYST_CVR = 0;
  SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CPU_CLOCK;
}
static inline void ticks_off(void) { SYST_CSR = 0; }
#define TICKS_PER_MS (CPU_HZ / 1000)

/* Each firmware defines these. */
int main(void);
void systick_handler(void);
void interrupt_handler(void);
void fault_handler(void);
