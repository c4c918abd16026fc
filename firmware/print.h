/* Text through the PL011: polled at first, from a ring buffer by interrupts later. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

void print_init(void);
/* Sends what is printed from now on from the ring buffer; PL011_IRQ must be enabled. */
void print_by_interrupts(bool on);
/* To be called when UARTMIS has UARTINT_TX set. */
void print_interrupt(void);

void print_char(char c);
void print(const char *text);
void print_hex(uint32_t value, int digits);
void print_decimal(uint32_t value);
/* Waits until all has left the UART; false when that takes longer than it may. */
bool print_flush(void);
/* Characters that were dropped because the UART did not take them in time; it is given up soon. */
uint32_t print_dropped(void);
