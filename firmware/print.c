#include "print.h"

#include "board.h"
#include "pl011.h"
#include "timing.h"

/* 921 600 baud from a 24 MHz UARTCLK: 24 MHz / (16 * (1 + 40/64)) = 923 077, 0.2 % off. */
#ifndef BAUD_INTEGER
#define BAUD_INTEGER 1
#endif
#ifndef BAUD_FRACTION
#define BAUD_FRACTION 40
#endif

#define CHARACTER_MS 20
#define FLUSH_MS 500
/* Dropped characters after which nothing is printed any more. */
#define GIVE_UP 8

#define RING_SIZE 128u
/* Few enough to need an interrupt for the rest, enough to fill any FIFO beyond its trigger level. */
#define BURST 12

static volatile char ring[RING_SIZE];
static volatile uint32_t ring_in, ring_out;
static bool by_interrupts;
static uint32_t dropped;

void print_init(void) {
  UARTCR = 0;
  UARTIMSC = 0;
  UARTICR = UARTINT_ALL;
  UARTIBRD = BAUD_INTEGER;
  UARTFBRD = BAUD_FRACTION;
  UARTLCR_H = UARTLCR_H_8BITS | UARTLCR_H_FEN;
  UARTIFLS = UARTIFLS_TX_1_8 | UARTIFLS_RX_1_4;
  UARTCR = UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE;
}

/* Moves characters from the ring buffer to the UART. With interrupts off, or in the handler. */
static void pump(void) {
  for (int n = 0; n < BURST && ring_out != ring_in && !(UARTFR & UARTFR_TXFF); n++) {
    UARTDR = (uint8_t)ring[ring_out % RING_SIZE];
    ring_out++;
  }
  uint16_t mask = UARTIMSC;
  uint16_t wanted = ring_out != ring_in ? mask | UARTINT_TX : mask & ~UARTINT_TX;
  if (wanted != mask) UARTIMSC = wanted;
}

/* Gets a stalled transmission going, whatever the UART thinks of its interrupt. */
static bool ring_has_room(void) {
  if (ring_in - ring_out < RING_SIZE) return true;
  pump();
  return ring_in - ring_out < RING_SIZE;
}

static bool ring_is_empty(void) {
  pump();
  return ring_in == ring_out;
}

void print_interrupt(void) {
  UARTICR = UARTINT_TX;
  pump();
}

void print_by_interrupts(bool on) {
  if (!on) print_flush();
  by_interrupts = on;
}

void print_char(char c) {
  bool room;
  if (dropped >= GIVE_UP) return;
  if (!by_interrupts) {
    room = BUSY_WAIT_FOR(!(UARTFR & UARTFR_TXFF), CHARACTER_MS);
    if (room) UARTDR = (uint8_t)c;
  } else {
    room = SLEEP_UNTIL(ring_has_room(), CHARACTER_MS);
    if (room) {
      ring[ring_in % RING_SIZE] = c;
      ring_in++;
    }
    if (c == '\n') {
      irq_off();
      pump();
      irq_on();
    }
  }
  if (!room) dropped++;
}

void print(const char *text) {
  while (*text) print_char(*text++);
}

void print_hex(uint32_t value, int digits) {
  while (digits-- > 0) {
    uint32_t digit = (value >> (4 * digits)) & 15;
    print_char((char)(digit < 10 ? '0' + digit : 'a' + digit - 10));
  }
}

void print_decimal(uint32_t value) {
  static const uint32_t powers[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                    10000,      1000,      100,      10,      1};
  bool started = false;
  for (unsigned i = 0; i < sizeof powers / sizeof *powers; i++) {
    char digit = '0';
    for (; value >= powers[i]; digit++) value -= powers[i];
    started = started || digit != '0' || powers[i] == 1;
    if (started) print_char(digit);
  }
}

bool print_flush(void) {
  bool sent = !by_interrupts || SLEEP_UNTIL(ring_is_empty(), FLUSH_MS);
  return BUSY_WAIT_FOR(!(UARTFR & UARTFR_BUSY), FLUSH_MS) && sent;
}

uint32_t print_dropped(void) { return dropped; }
