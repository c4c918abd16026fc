/* Vector table and reset handler. */
#include "cortex-m0.h"

extern uint32_t stack_top[], data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];

__attribute__((noreturn)) void reset_handler(void) {
  const uint32_t *from = data_load;
  for (volatile uint32_t *to = data_start; to < data_end;) *to++ = *from++;
  for (volatile uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
  main();
  for (;;) wait_for_interrupt();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 32] = {
    [0] = stack_top,
    [1] = reset_handler,
    [2 ... 14] = fault_handler,
    [15] = systick_handler,
    [16 ... 47] = interrupt_handler,
};
