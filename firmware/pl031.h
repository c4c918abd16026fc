/* ARM PrimeCell Real Time Clock PL031: registers (ARM DDI 0224, chapter 3). 32-bit accesses. */
#pragma once
#include "board.h"

#define RTC_REG(offset) (*(volatile uint32_t *)(PL031_BASE + (offset)))
#define RTCDR RTC_REG(0x000)
#define RTCMR RTC_REG(0x004)
#define RTCLR RTC_REG(0x008)
#define RTCCR RTC_REG(0x00c)
#define RTCIMSC RTC_REG(0x010)
#define RTCRIS RTC_REG(0x014)
#define RTCMIS RTC_REG(0x018)
#define RTCICR RTC_REG(0x01c)

#define RTCCR_START 1u
#define RTCINTR 1u
