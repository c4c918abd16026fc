/*
 * Multiboot header, descriptor tables, interrupt controllers and timer of a PC.
 * With PC_IOAPIC, devices interrupt through the IOAPIC and the local APIC.
 */
#include "pc.h"

/* Multiboot 0.6.96, section 3.1: no flags, because the ELF file says where it goes. */
#define MULTIBOOT_MAGIC 0x1badb002u
__attribute__((section(".multiboot"), used)) static const uint32_t multiboot[] = {
    MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC};

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
/* A 4 GiB segment at 0 (Intel SDM vol. 3, 3.4.5). */
#define FLAT_CODE 0x00cf9a000000ffffull
#define FLAT_DATA 0x00cf92000000ffffull
static const uint64_t segments[] = {0, FLAT_CODE, FLAT_DATA};

struct gate {
  uint16_t low, selector, type, high;
};
#define INTERRUPT_GATE 0x8e00

#define EXCEPTIONS 32
#define INPUTS 16
#define TIMER_INPUT 0
#define CASCADE_INPUT 2
static struct gate gates[EXCEPTIONS + INPUTS];

struct table {
  uint16_t limit;
  const void *base;
} __attribute__((packed));

#define PIC1 0x20
#define PIC2 0xa0
#define PIC_EOI 0x20
#define ELCR 0x4d0
/* ELCR: 0, 1, 2, 8 and 13 are always edges. */
#define LEVELS 0xdef8u
/* Registers of the APICs (Intel SDM vol. 3, 11.4; 82093AA, 3.2). */
#define APIC_REG(offset) (*(volatile uint32_t *)(0xfee00000u + (offset)))
#define APIC_EOI APIC_REG(0xb0)
#define APIC_SPURIOUS APIC_REG(0xf0)
#define APIC_ENABLED 0x1ffu
#define IOAPIC_SELECT (*(volatile uint32_t *)0xfec00000u)
#define IOAPIC_WINDOW (*(volatile uint32_t *)0xfec00010u)
#define IOAPIC_ENTRY(input) (0x10 + 2 * (input))
#define IOAPIC_LEVEL (1u << 15)
#define IOAPIC_MASKED (1u << 16)
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
/* Channel 0, both bytes, mode 2 (a pulse every so many cycles). */
#define PIT_RATE 0x34

/* Tells the host of the handlers, by COM1: bit 4 set at entry, clear at return, and the input. */
#define TRACE_ENTRY 0x10

volatile uint32_t handled_input;
static uint32_t enabled, levels = LEVELS;

#ifdef PC_IOAPIC

static void write_masks(void) {
  for (uint32_t input = 0; input < INPUTS; input++) {
    uint32_t entry = EXCEPTIONS + input;
    if (levels & (1u << input)) entry |= IOAPIC_LEVEL;
    if (!(enabled & (1u << input))) entry |= IOAPIC_MASKED;
    IOAPIC_SELECT = IOAPIC_ENTRY(input);
    IOAPIC_WINDOW = entry;
  }
}
static void write_triggers(void) { write_masks(); }
static void end_of_interrupt(uint32_t input) {
  (void)input;
  APIC_EOI = 0;
}

#else

static void write_masks(void) {
  outb(PIC1 + 1, (uint8_t)~enabled);
  outb(PIC2 + 1, (uint8_t)(~enabled >> 8));
}
static void write_triggers(void) {
  outb(ELCR, (uint8_t)levels);
  outb(ELCR + 1, (uint8_t)(levels >> 8));
}
static void end_of_interrupt(uint32_t input) {
  if (input >= 8) outb(PIC2, PIC_EOI);
  outb(PIC1, PIC_EOI);
}

#endif

/* Interrupts are off, or come back with the flags. */
static uint32_t save_flags(void) {
  uint32_t flags;
  __asm__ volatile("pushfl; popl %0; cli" : "=r"(flags)::"memory");
  return flags;
}
static void restore_flags(uint32_t flags) {
  __asm__ volatile("pushl %0; popfl" ::"r"(flags) : "memory", "cc");
}

static void change_inputs(uint32_t on, uint32_t off) {
  uint32_t flags = save_flags();
  enabled = (enabled | on) & ~off;
  write_masks();
  restore_flags(flags);
}

void inputs_as_edges(uint32_t mask) {
  levels &= ~mask;
  write_triggers();
}
void inputs_on(uint32_t mask) { change_inputs(mask, 0); }
void inputs_off(uint32_t mask) { change_inputs(0, mask); }

void ticks_on(uint32_t cycles) {
  outb(PIT_COMMAND, PIT_RATE);
  outb(PIT_CHANNEL_0, (uint8_t)cycles);
  outb(PIT_CHANNEL_0, (uint8_t)(cycles >> 8));
  inputs_on(1u << TIMER_INPUT);
}
void ticks_off(void) { inputs_off(1u << TIMER_INPUT); }

static void take(uint32_t input) {
  if (input == TIMER_INPUT) {
    systick_handler();
  } else {
    outb(COM1, (uint8_t)(TRACE_ENTRY | input));
    handled_input = input;
    interrupt_handler();
    outb(COM1, (uint8_t)input);
  }
  end_of_interrupt(input);
}

struct frame;
#define VECTOR(input) \
  __attribute__((interrupt)) static void vector_##input(struct frame *frame) { \
    (void)frame; \
    take(input); \
  }
VECTOR(0) VECTOR(1) VECTOR(2) VECTOR(3) VECTOR(4) VECTOR(5) VECTOR(6) VECTOR(7)
VECTOR(8) VECTOR(9) VECTOR(10) VECTOR(11) VECTOR(12) VECTOR(13) VECTOR(14) VECTOR(15)

typedef void vector(struct frame *);
static vector *const vectors[INPUTS] = {
    vector_0, vector_1, vector_2,  vector_3,  vector_4,  vector_5,  vector_6,  vector_7,
    vector_8, vector_9, vector_10, vector_11, vector_12, vector_13, vector_14, vector_15};

__attribute__((interrupt)) static void exception(struct frame *frame) {
  (void)frame;
  fault_handler();
}

static void set_gate(uint32_t number, vector *to) {
  uint32_t address = (uint32_t)to;
  gates[number] = (struct gate){(uint16_t)address, CODE_SELECTOR, INTERRUPT_GATE,
                                (uint16_t)(address >> 16)};
}

static void init_tables(void) {
  for (uint32_t i = 0; i < EXCEPTIONS; i++) set_gate(i, exception);
  for (uint32_t i = 0; i < INPUTS; i++) set_gate(EXCEPTIONS + i, vectors[i]);
  struct table gdt = {sizeof segments - 1, segments};
  struct table idt = {sizeof gates - 1, gates};
  __asm__ volatile(
      "lgdt %0\n"
      "ljmp %2, $1f\n"
      "1: movw %w3, %%ds; movw %w3, %%es; movw %w3, %%ss\n"
      "lidt %1" ::"m"(gdt), "m"(idt), "i"(CODE_SELECTOR), "r"(DATA_SELECTOR)
      : "memory");
}

/* 8259A: ICW1 to ICW4, inputs at vectors 32 ... 47. Every input that can be a level is one. */
static void init_inputs(void) {
  outb(PIC1, 0x11);
  outb(PIC1 + 1, EXCEPTIONS);
  outb(PIC1 + 1, 1 << CASCADE_INPUT);
  outb(PIC1 + 1, 1);
  outb(PIC2, 0x11);
  outb(PIC2 + 1, EXCEPTIONS + 8);
  outb(PIC2 + 1, CASCADE_INPUT);
  outb(PIC2 + 1, 1);
#ifdef PC_IOAPIC
  outb(PIC1 + 1, 0xff);
  outb(PIC2 + 1, 0xff);
  APIC_SPURIOUS = APIC_ENABLED;
#else
  enabled = 1u << CASCADE_INPUT;
#endif
  write_masks();
  write_triggers();
}

extern char bss_start[], bss_end[];

__attribute__((noreturn, used)) void pc_main(void) {
  for (char *at = bss_start; at < bss_end;) *at++ = 0;
  init_tables();
  init_inputs();
  irq_on();
  main();
  for (;;) wait_for_interrupt();
}

__asm__(
    ".section .text.start, \"ax\"\n"
    ".global start\n"
    "start: movl $stack_top, %esp\n"
    "cld\n"
    "call pc_main\n");
