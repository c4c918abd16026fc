import type { VfioPlatformDevice } from '../../host/device/device';
import { board } from '../scenarios/scenario';

/** Registers of the board's devices, by their names in the manuals. */
export const pl031 = {
  RTCDR: 0x00,
  RTCMR: 0x04,
  RTCLR: 0x08,
  RTCCR: 0x0c,
  RTCIMSC: 0x10,
  RTCRIS: 0x14,
  RTCMIS: 0x18,
  RTCICR: 0x1c,
} as const;

export const pl061 = {
  GPIODATA: 0x3fc,
  GPIODIR: 0x400,
  GPIOIS: 0x404,
  GPIOIBE: 0x408,
  GPIOIEV: 0x40c,
  GPIOIE: 0x410,
  GPIORIS: 0x414,
  GPIOMIS: 0x418,
  GPIOIC: 0x41c,
} as const;

export const pl011 = {
  UARTDR: 0x00,
  UARTFR: 0x18,
  UARTIBRD: 0x24,
  UARTFBRD: 0x28,
  UARTLCR_H: 0x2c,
  UARTCR: 0x30,
  UARTIFLS: 0x34,
  UARTIMSC: 0x38,
  UARTRIS: 0x3c,
  UARTMIS: 0x40,
  UARTICR: 0x44,
  /** Bits of UARTFR. */
  RXFE: 0x10,
  /** Bits of the interrupt registers. */
  RX: 0x10,
  TX: 0x20,
} as const;

/** A virtio device behind MMIO, version 2 (virtio 1.2, section 4.2.2). */
export const virtio = {
  MAGIC: 0x00,
  VERSION: 0x04,
  DEVICE_ID: 0x08,
  DRIVER_FEATURES: 0x20,
  DRIVER_FEATURES_SELECT: 0x24,
  INTERRUPT_STATUS: 0x60,
  INTERRUPT_ACKNOWLEDGE: 0x64,
  STATUS: 0x70,
  /** Of the balloon: how many pages the host wants (section 5.5.4). */
  CONFIG_PAGES: 0x100,
  MAGIC_VALUE: 0x74726976,
  BALLOON: 5,
  /** Feature 32 as the bit of the second word: this driver knows version 1. */
  VERSION_1: 1,
  /** Bits of STATUS. */
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  /** Bits of the interrupt registers: a buffer was used, the configuration has changed. */
  BUFFER_USED: 1,
  CONFIG_CHANGED: 2,
} as const;

/** QEMU's edu device (docs/specs/edu.rst of QEMU). */
export const edu = {
  ID: 0x00,
  LIVENESS: 0x04,
  STATUS: 0x24,
  RAISE: 0x60,
  ACKNOWLEDGE: 0x64,
  DMA_SOURCE: 0x80,
  DMA_DESTINATION: 0x88,
  DMA_COUNT: 0x90,
  DMA_COMMAND: 0x98,
  START: 1,
  TO_MEMORY: 2,
  INTERRUPT: 4,
  /** What the device calls its own buffer. */
  BUFFER: 0x40000,
} as const;

/** How to make a level device interrupt, and what its handler does. */
export interface Source {
  readonly name: string;
  /** Makes it quiet, whatever it did before, and ready. */
  hush(device: VfioPlatformDevice): void;
  raise(device: VfioPlatformDevice): void;
  /** Lowers the line; also what completes the interrupt by a register rule. */
  clear(device: VfioPlatformDevice): void;
  /** The register that a handler writes last. */
  readonly acknowledge: number;
}

/** The devices that software can make interrupt at any time, all of them level. */
export const sources: readonly Source[] = [
  {
    name: board.rtc,
    acknowledge: pl031.RTCICR,
    hush: (device) => {
      device.write(0, pl031.RTCIMSC, 4, 0);
      device.write(0, pl031.RTCICR, 4, 1);
      device.write(0, pl031.RTCIMSC, 4, 1);
    },
    // An alarm for now.
    raise: (device) => device.write(0, pl031.RTCMR, 4, device.read(0, pl031.RTCDR, 4)),
    clear: (device) => device.write(0, pl031.RTCICR, 4, 1),
  },
  {
    // Pin 0 is low and asks for an interrupt while it is: the enable bit is the line.
    name: board.gpio,
    acknowledge: pl061.GPIOIE,
    hush: (device) => {
      device.write(0, pl061.GPIOIE, 1, 0);
      device.write(0, pl061.GPIODIR, 1, 0);
      device.write(0, pl061.GPIOIBE, 1, 0);
      device.write(0, pl061.GPIOIS, 1, 1);
      device.write(0, pl061.GPIOIEV, 1, 0);
      device.write(0, pl061.GPIOIC, 1, 0xff);
    },
    raise: (device) => device.write(0, pl061.GPIOIE, 1, 1),
    clear: (device) => device.write(0, pl061.GPIOIE, 1, 0),
  },
  {
    // Each character that is sent raises the transmit interrupt.
    name: board.uart,
    acknowledge: pl011.UARTICR,
    hush: (device) => {
      device.write(0, pl011.UARTIMSC, 2, 0);
      device.write(0, pl011.UARTICR, 2, 0x7ff);
      device.write(0, pl011.UARTLCR_H, 2, 0x70);
      device.write(0, pl011.UARTCR, 2, 0x301);
      device.write(0, pl011.UARTIMSC, 2, pl011.TX);
    },
    raise: (device) => device.write(0, pl011.UARTDR, 2, 0x2e),
    clear: (device) => device.write(0, pl011.UARTICR, 2, pl011.TX),
  },
  {
    name: board.edu,
    acknowledge: edu.ACKNOWLEDGE,
    hush: (device) => device.write(0, edu.ACKNOWLEDGE, 4, device.read(0, edu.STATUS, 4)),
    raise: (device) => device.write(0, edu.RAISE, 4, 1),
    clear: (device) => device.write(0, edu.ACKNOWLEDGE, 4, 1),
  },
];
