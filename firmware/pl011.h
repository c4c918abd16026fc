/* ARM PrimeCell UART PL011: registers (ARM DDI 0183, chapter 3). Of the width that the board can make. */
#pragma once
#include "board.h"

#define UART_REG(offset) (*(volatile uart_word *)(PL011_BASE + (offset)))
#define UARTDR UART_REG(0x000)
#define UARTFR UART_REG(0x018)
#define UARTIBRD UART_REG(0x024)
#define UARTFBRD UART_REG(0x028)
#define UARTLCR_H UART_REG(0x02c)
#define UARTCR UART_REG(0x030)
#define UARTIFLS UART_REG(0x034)
#define UARTIMSC UART_REG(0x038)
#define UARTRIS UART_REG(0x03c)
#define UARTMIS UART_REG(0x040)
#define UARTICR UART_REG(0x044)

#define UARTDR_ERRORS 0xf00u
#define UARTFR_BUSY (1u << 3)
#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UARTLCR_H_FEN (1u << 4)
#define UARTLCR_H_8BITS (3u << 5)
#define UARTCR_UARTEN (1u << 0)
#define UARTCR_TXE (1u << 8)
#define UARTCR_RXE (1u << 9)
/* Interrupt when the transmit FIFO has drained to 1/8, when the receive FIFO has filled to 1/4. */
#define UARTIFLS_TX_1_8 0u
#define UARTIFLS_RX_1_4 (1u << 3)
#define UARTINT_RX (1u << 4)
#define UARTINT_TX (1u << 5)
#define UARTINT_RT (1u << 6)
#define UARTINT_ALL 0x7ffu
