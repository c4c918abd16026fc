/* The board: its processor, and where the devices are that are passed through to it. */
#pragma once
#include <stdint.h>

#ifdef __arm__

#include "cortex-m0.h"

#define PL031_BASE 0x60000000u
#define PL061_BASE 0x60004000u
#define PL011_BASE 0x60008000u
#define PL031_IRQ 20
#define PL061_IRQ 21
#define PL011_IRQ 22

/* 16-bit accesses, as drivers make. */
typedef uint16_t uart_word;

#else

#include "pc.h"

#define PL031_BASE 0xfea00000u
#define PL061_BASE 0xfea04000u
#define PL011_BASE 0xfea08000u
#define PL031_IRQ 5
#define PL061_IRQ 10
#define PL011_IRQ 11

/* v86 makes two byte reads of a 16-bit one, and each would pop the FIFO. */
typedef uint32_t uart_word;

#endif
