/*
 * Stories about three PrimeCells that are passed through to this guest. Each
 * prints what it found; see README.md for the lines and for what the outside
 * has to do when asked.
 */
#include "board.h"
#include "pl011.h"
#include "pl031.h"
#include "pl061.h"
#include "print.h"
#include "timing.h"

/* How long the outside may take to do what it was asked for. */
#define REQUEST_MS 500
/* How long an interrupt may take to arrive whose cause is there. */
#define INTERRUPT_MS 100
/* How long to look for an interrupt that must not come. */
#define QUIET_MS 2
/* The longest period of the PL031's counter that is waited for. */
#define LONGEST_TICK_MS 3000
/* Interrupts in a row without a cause after which the line is given up. */
#define STORM 1000

enum device { RTC, GPIO, UART, DEVICES };

/* At the start of RAM, for the host to look at when `magic` is there. */
#define RESULT_MAGIC 0x454e4f44u /* "DONE" */
__attribute__((section(".shared"), used)) static volatile struct {
  uint32_t magic;
  uint32_t failures;
  uint32_t interrupts[DEVICES];
  uint32_t spurious;
} result;

volatile uint32_t now_ms;

static volatile uint32_t interrupts[DEVICES];
static volatile uint32_t spurious, in_a_row, storms;
static volatile uint32_t rtc_ris_after_clear;
static volatile uint32_t pin_events[8];
static volatile uint32_t uart_errors, tx_interrupts, rx_interrupts;
static uint32_t failures;

static char line[80];
static volatile uint32_t line_length;
static volatile bool line_complete;

static void fail(const char *story, const char *what) {
  failures++;
  print("FAIL ");
  print(story);
  print_char(' ');
  print(what);
  print_char('\n');
}

static void check(bool good, const char *story, const char *what) {
  if (!good) fail(story, what);
}

/* ---- Handlers ---- */

void systick_handler(void) { now_ms++; }

void fault_handler(void) {
  irq_off();
  result.failures = 0xffffffff;
  result.magic = RESULT_MAGIC;
  for (;;) wait_for_interrupt();
}

static bool rtc_interrupt(void) {
  if (!RTCMIS) return false;
  RTCICR = RTCINTR;
  rtc_ris_after_clear = RTCRIS;
  return true;
}

static bool gpio_interrupt(void) {
  uint32_t status = GPIOMIS;
  if (!status) return false;
  /* A level stays until the outside takes it away, so its pin is masked meanwhile. */
  GPIOIE = GPIOIE & ~(status & GPIOIS);
  GPIOIC = status;
  for (int pin = 0; pin < 8; pin++) {
    if (status & (1u << pin)) pin_events[pin]++;
  }
  return true;
}

static void receive(void) {
  UARTICR = UARTINT_RX | UARTINT_RT;
  while (!(UARTFR & UARTFR_RXFE)) {
    uint32_t data = UARTDR;
    if (data & UARTDR_ERRORS) uart_errors++;
    if (line_complete) continue;
    if ((char)data == '\n') {
      line_complete = true;
    } else if (line_length < sizeof line) {
      line[line_length++] = (char)data;
    }
  }
}

static bool uart_interrupt(void) {
  uint32_t status = UARTMIS;
  if (!status) return false;
  if (status & (UARTINT_RX | UARTINT_RT)) {
    rx_interrupts++;
    receive();
  }
  if (status & UARTINT_TX) {
    tx_interrupts++;
    print_interrupt();
  }
  return true;
}

void interrupt_handler(void) {
  uint32_t input = current_input();
  enum device device = RTC;
  bool caused = false;
  if (input == PL031_IRQ) caused = rtc_interrupt();
  if (input == PL061_IRQ) {
    device = GPIO;
    caused = gpio_interrupt();
  }
  if (input == PL011_IRQ) {
    device = UART;
    caused = uart_interrupt();
  }
  if (caused) {
    interrupts[device]++;
    in_a_row = 0;
  } else {
    spurious++;
    if (++in_a_row >= STORM) {
      inputs_off(1u << input);
      storms++;
      in_a_row = 0;
    }
  }
}

/* True when no interrupt of a device comes for a while. */
static bool quiet(enum device device) {
  uint32_t before = interrupts[device];
  SLEEP_UNTIL(false, QUIET_MS);
  return interrupts[device] == before;
}

/* ---- id: who is there ---- */

static uint32_t id_at(uint32_t base, uint32_t offset) {
  uint32_t id = 0;
  for (int i = 3; i >= 0; i--) {
    id = (id << 8) | (*(volatile uint32_t *)(base + offset + 4 * (uint32_t)i) & 0xff);
  }
  return id;
}

static void print_id(const char *name, uint32_t base) {
  print(name);
  print_hex(id_at(base, 0xfe0), 8);
}

static void check_id(uint32_t base, uint32_t part, const char *what) {
  /* Part number and designer (0x41 is ARM); revision and configuration may be any. */
  check((id_at(base, 0xfe0) & 0xfffff) == (0x41000 | part), "id", what);
  check(id_at(base, 0xff0) == 0xb105f00d, "id", what);
}

static void id_story(void) {
  print("id");
  print_id(" pl031=", PL031_BASE);
  print_id(" pl061=", PL061_BASE);
  print_id(" pl011=", PL011_BASE);
  print_char('\n');
  check_id(PL031_BASE, 0x031, "pl031");
  check_id(PL061_BASE, 0x061, "pl061");
  check_id(PL011_BASE, 0x011, "pl011");
}

/* ---- rtc: alarms ---- */

#define ALARMS 4
/* Times that an alarm is set before the counter is held to be no clock. */
#define SET_ATTEMPTS 1000

static uint32_t longest_wait_ms;

static bool tick_measured(void) {
  uint32_t was = RTCDR;
  if (!SLEEP_UNTIL(RTCDR != was, LONGEST_TICK_MS)) return false;
  uint32_t start = now_ms;
  was = RTCDR;
  if (!SLEEP_UNTIL(RTCDR != was, LONGEST_TICK_MS)) return false;
  longest_wait_ms = 4 * (now_ms - start + 1) + INTERRUPT_MS;
  return true;
}

/*
 * Masks the alarm and sets it two ticks ahead. The PL031 compares for equality only, so
 * an alarm that the counter has passed meanwhile would never come: it is set anew.
 */
static bool set_alarm(uint32_t *due) {
  RTCIMSC = 0;
  for (int attempt = 0; attempt < SET_ATTEMPTS; attempt++) {
    *due = RTCDR + 2;
    RTCMR = *due;
    if (RTCDR - *due >= 0x80000000u) return true;
    RTCICR = RTCINTR;
  }
  fail("rtc", "no time to set an alarm");
  return false;
}

static void rtc_story(void) {
  RTCIMSC = 0;
  RTCCR = RTCCR_START;
  RTCLR = 1000;
  RTCICR = RTCINTR;
  if (!tick_measured()) {
    fail("rtc", "does not count");
    return;
  }
  check(RTCDR - 1000 < 1000000, "rtc", "load");
  inputs_on(1u << PL031_IRQ);

  uint32_t due;
  for (uint32_t alarm = 1; alarm <= ALARMS; alarm++) {
    if (!set_alarm(&due)) break;
    rtc_ris_after_clear = 2;
    RTCIMSC = RTCINTR;
    if (!SLEEP_UNTIL(interrupts[RTC] == alarm, longest_wait_ms)) {
      fail("rtc", "alarm did not interrupt");
      break;
    }
    check(RTCDR - due < 0x80000000u, "rtc", "alarm was early");
    check(rtc_ris_after_clear == 0, "rtc", "RTCRIS after RTCICR");
    check(quiet(RTC), "rtc", "one alarm interrupted twice");
  }

  uint32_t before = interrupts[RTC];
  if (!set_alarm(&due)) return;
  check(SLEEP_UNTIL(RTCRIS == RTCINTR, longest_wait_ms), "rtc", "masked alarm was not due");
  check(quiet(RTC), "rtc", "masked alarm interrupted");
  check(RTCMIS == 0, "rtc", "RTCMIS while masked");
  /* Unmasked, what is still pending must interrupt at once. */
  RTCIMSC = RTCINTR;
  check(SLEEP_UNTIL(interrupts[RTC] == before + 1, INTERRUPT_MS), "rtc", "unmasked alarm was lost");
  RTCIMSC = 0;

  print("rtc alarms=");
  print_decimal(interrupts[RTC]);
  print(" masked=1\n");
}

/* ---- gpio: pins 0 and 1 are outputs, the others inputs ---- */

#define OUTPUTS 0x03u
#define INPUTS 0xfcu
#define RISE_PIN 2
#define FALL_PIN 3
#define BOTH_PIN 4
#define HIGH_PIN 5
#define LOW_PIN 6
#define PIN(number) (1u << (number))

/* Asks the outside for levels on the pins of `mask`, and waits until they are there. */
static bool pins(uint32_t mask, uint32_t levels) {
  static uint32_t requests;
  GPIODATA(OUTPUTS) = (uint8_t)++requests;
  print("? pins ");
  print_hex(mask, 2);
  print_char(' ');
  print_hex(levels, 2);
  print_char('\n');
  if (BUSY_WAIT_FOR(GPIODATA(mask) == levels, 1)) return true;
  if (SLEEP_UNTIL(GPIODATA(mask) == levels, REQUEST_MS)) return true;
  fail("gpio", "nobody drives the pins");
  return false;
}

enum sense { FALLING = 0, RISING = 1, BOTH = 2, LOW_LEVEL = 4, HIGH_LEVEL = 5 };

/* Interrupts from the pins of `mask` only, counted from zero. */
static void listen(uint32_t mask, enum sense sense) {
  GPIOIE = 0;
  GPIOIS = sense & 4 ? mask : 0;
  GPIOIBE = sense & 2 ? mask : 0;
  GPIOIEV = sense & 1 ? mask : 0;
  GPIOIC = 0xff;
  for (int pin = 0; pin < 8; pin++) pin_events[pin] = 0;
  GPIOIE = (uint8_t)mask;
}

static void expect(int pin, uint32_t events, const char *what) {
  check(SLEEP_UNTIL(pin_events[pin] >= events, INTERRUPT_MS), "gpio", what);
  check(quiet(GPIO) && pin_events[pin] == events, "gpio", what);
}

static bool gpio_edges(void) {
  listen(PIN(RISE_PIN), RISING);
  if (!pins(PIN(RISE_PIN), PIN(RISE_PIN))) return false;
  expect(RISE_PIN, 1, "rising edge");
  if (!pins(PIN(RISE_PIN), 0)) return false;
  expect(RISE_PIN, 1, "falling edge taken for a rising one");

  if (!pins(PIN(FALL_PIN), PIN(FALL_PIN))) return false;
  listen(PIN(FALL_PIN), FALLING);
  if (!pins(PIN(FALL_PIN), 0)) return false;
  expect(FALL_PIN, 1, "falling edge");
  if (!pins(PIN(FALL_PIN), PIN(FALL_PIN))) return false;
  expect(FALL_PIN, 1, "rising edge taken for a falling one");

  listen(PIN(BOTH_PIN), BOTH);
  for (uint32_t edge = 1; edge <= 4; edge++) {
    if (!pins(PIN(BOTH_PIN), edge & 1 ? PIN(BOTH_PIN) : 0)) return false;
    expect(BOTH_PIN, edge, "both edges");
  }
  return true;
}

static bool gpio_level(int pin, enum sense sense, const char *what) {
  uint32_t active = sense == HIGH_LEVEL ? PIN(pin) : 0;
  uint32_t inactive = PIN(pin) ^ active;
  if (!pins(PIN(pin), inactive)) return false;
  listen(PIN(pin), sense);
  expect(pin, 0, what);
  if (!pins(PIN(pin), active)) return false;
  expect(pin, 1, what);
  /* A level that is still there interrupts again when it is unmasked. */
  GPIOIE = (uint8_t)PIN(pin);
  expect(pin, 2, what);
  check((GPIORIS & PIN(pin)) != 0, "gpio", "level forgotten");
  if (!pins(PIN(pin), inactive)) return false;
  /* By its manual a PL061 has no memory for levels; QEMU's has. */
  GPIOIC = (uint8_t)PIN(pin);
  check((GPIORIS & PIN(pin)) == 0, "gpio", "level remembered");
  GPIOIE = (uint8_t)PIN(pin);
  expect(pin, 2, what);
  return true;
}

static bool gpio_many(void) {
  GPIOIE = 0;
  if (!pins(INPUTS, 0)) return false;
  listen(INPUTS, RISING);
  if (!pins(INPUTS, INPUTS)) return false;
  for (int pin = 2; pin < 8; pin++) expect(pin, 1, "several pins at once");
  return true;
}

static void gpio_story(void) {
  GPIOIE = 0;
  GPIODIR = OUTPUTS;
  GPIODATA(0xff) = 0x02;
  check(GPIODATA(OUTPUTS) == 2, "gpio", "outputs");
  GPIODATA(0x01) = 0xff;
  check(GPIODATA(OUTPUTS) == 3, "gpio", "masked write");
  check(GPIODATA(0x01) == 1, "gpio", "masked read");
  inputs_on(1u << PL061_IRQ);
  if (pins(INPUTS, 0) && gpio_edges() && gpio_level(HIGH_PIN, HIGH_LEVEL, "high level") &&
      gpio_level(LOW_PIN, LOW_LEVEL, "low level") && gpio_many()) {
    print("gpio rise fall both high low many\n");
  }
  GPIOIE = 0;
}

/* ---- tx and rx: the UART by interrupts ---- */

static void tx_story(void) {
  inputs_on(1u << PL011_IRQ);
  print_by_interrupts(true);
  print("tx ");
  for (int i = 0; i < 4; i++) {
    for (char c = '!'; c <= 'R'; c++) print_char(c);
  }
  print_char('\n');
  check(print_flush(), "tx", "did not drain");
  check(tx_interrupts > 0, "tx", "no interrupt");
  check(print_dropped() == 0, "tx", "characters were dropped");
}

static bool text_equal(const char *a, const char *b, uint32_t length) {
  while (length-- > 0) {
    if (*a++ != *b++) return false;
  }
  return true;
}

static void ask_for_line(const char *text, uint32_t length) {
  line_length = 0;
  line_complete = false;
  print("? line ");
  print(text);
  print_char('\n');
  bool received = SLEEP_UNTIL(line_complete, REQUEST_MS);
  if (!received) fail("rx", "no line came");
  print("echo ");
  for (uint32_t i = 0; i < line_length; i++) print_char(line[i]);
  print_char('\n');
  if (received) check(line_length == length && text_equal(line, text, length), "rx", "other text");
}

static void rx_story(void) {
  static const char short_text[] = "hello";
  static const char long_text[] =
      "The quick brown fox jumps over the lazy dog, 0123456789 times or more";
  UARTICR = UARTINT_RX | UARTINT_RT;
  irq_off();
  UARTIMSC = UARTIMSC | UARTINT_RX | UARTINT_RT;
  irq_on();
  ask_for_line(short_text, sizeof short_text - 1);
  ask_for_line(long_text, sizeof long_text - 1);
  irq_off();
  UARTIMSC = UARTIMSC & ~(UARTINT_RX | UARTINT_RT);
  irq_on();
  check(rx_interrupts > 0, "rx", "no interrupt");
  check(uart_errors == 0, "rx", "errors in UARTDR");
}

/* ---- */

static void print_count(const char *name, uint32_t count) {
  print_char(' ');
  print(name);
  print_char('=');
  print_decimal(count);
}

int main(void) {
  timing_init();
  print_init();
  id_story();
  rtc_story();
  gpio_story();
  tx_story();
  rx_story();

  print_by_interrupts(false);
  inputs_off(1u << PL031_IRQ | 1u << PL061_IRQ | 1u << PL011_IRQ);
  check(storms == 0, "all", "interrupts without a cause");
  check(print_dropped() == 0, "all", "characters were dropped");
  print("DONE");
  print_count("rtc", interrupts[RTC]);
  print_count("gpio", interrupts[GPIO]);
  print_count("uart", interrupts[UART]);
  print_count("spurious", spurious);
  print_count("failures", failures);
  print_char('\n');
  print_flush();

  for (int device = 0; device < DEVICES; device++) result.interrupts[device] = interrupts[device];
  result.spurious = spurious;
  result.failures = failures;
  result.magic = RESULT_MAGIC;
  ticks_off();
  for (;;) wait_for_interrupt();
}
