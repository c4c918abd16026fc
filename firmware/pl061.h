/* ARM PrimeCell GPIO PL061: registers (ARM DDI 0190, chapter 3). 8-bit accesses, as drivers make. */
#pragma once
#include "board.h"

#define GPIO_REG(offset) (*(volatile uint8_t *)(PL061_BASE + (offset)))
/* Address bits 9:2 select the pins that an access is about. */
#define GPIODATA(pins) GPIO_REG((uint32_t)(pins) << 2)
#define GPIODIR GPIO_REG(0x400)
#define GPIOIS GPIO_REG(0x404)
#define GPIOIBE GPIO_REG(0x408)
#define GPIOIEV GPIO_REG(0x40c)
#define GPIOIE GPIO_REG(0x410)
#define GPIORIS GPIO_REG(0x414)
#define GPIOMIS GPIO_REG(0x418)
#define GPIOIC GPIO_REG(0x41c)
