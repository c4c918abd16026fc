import type { ModelWidth } from './model';
import { IIR_NONE, REGISTERS } from './uart/bits';
import { Uart16550, type UartCondition, type UartModemInputs } from './uart/uart16550';

// DesignWare DW_apb_uart Databook, chapter 5. What is not here belongs to
// features that this configuration does not have, and reads 0.
const REG_SHIFT = 2;
const USR = 0x7c;
const TFL = 0x80;
const RFL = 0x84;
const CPR = 0xf4;
const UCV = 0xf8;
const CTR = 0xfc;
const REGION_BYTES = 0x100;

/** Busy detect; the interrupt of lowest priority. */
const IIR_BUSY = 0x7;

const USR_BUSY = 1 << 0;
const USR_TFNF = 1 << 1;
const USR_TFE = 1 << 2;
const USR_RFNE = 1 << 3;
const USR_RFF = 1 << 4;

const CPR_BUS_32 = 2;
const CPR_AFCE_MODE = 1 << 4;
const CPR_FIFO_STAT = 1 << 10;
const CPR_ENCODED_PARAMS = 1 << 12;
/** FIFO_MODE counts in 16 characters. */
const CPR_FIFO_SHIFT = 16;
const FIFO_UNIT = 16;
const MAX_FIFO_DEPTH = 2048;

/** Version '4.02*' and the peripheral type 'DW' of this component. */
const UCV_VALUE = 0x3430322a;
const CTR_VALUE = 0x44570110;

/** Modem inputs of {@link DwApbUart}; true = asserted (the pin itself is low). */
export type DwApbUartModemInputs = UartModemInputs;

/** How a character arrives at {@link DwApbUart.receive}. */
export type DwApbUartCondition = UartCondition;

/** Options of {@link DwApbUart}. */
export interface DwApbUartOptions {
  /** Serial clock (sclk) in hertz, greater than 0; 25 000 000 by default. */
  readonly clockHz?: number;
  /** Characters in each FIFO: 16 (default), 32, 64, … 2048. */
  readonly fifoDepth?: number;
  /** Called with each character (5 … 8 bits) when its last stop bit has left the UART. */
  readonly onTransmit?: (byte: number) => void;
}

/**
 * Synopsys DesignWare APB UART (DW_apb_uart Databook 4.02), line 0 = intr: a
 * 16550 with registers of 32 bits each and some of its own.
 *
 * - It is not fully 16550-compatible (UART_16550_COMPATIBLE = no): while it is
 *   busy, LCR and the divisor do not take writes. A write to LCR then brings the
 *   busy detect interrupt, which a read of USR takes away.
 * - Automatic flow control (AFCE_MODE): with MCR bit 5 and the FIFOs on, RTS goes
 *   when the receive FIFO gets to its trigger level, and comes when it is empty;
 *   a sender waits meanwhile. The transmitter waits for CTS.
 * - TFL, RFL, USR (FIFO_STAT), CPR, UCV and CTR tell what there is. Shadow
 *   registers, FIFO access, programmable THRE, IrDA, DMA extras, fractional
 *   divisor and RS-485 are not configured.
 */
export class DwApbUart extends Uart16550 {
  readonly compatible: readonly string[] = ['snps,dw-apb-uart'];

  readonly #fifoDepth: number;
  #busyDetected = false;

  constructor(options: DwApbUartOptions = {}) {
    const { clockHz = 25e6, fifoDepth = FIFO_UNIT, onTransmit } = options;
    const units = Math.log2(fifoDepth / FIFO_UNIT);
    if (!(Number.isInteger(units) && units >= 0 && fifoDepth <= MAX_FIFO_DEPTH)) {
      throw new RangeError(`fifoDepth must be 16, 32, 64, … ${MAX_FIFO_DEPTH}, got ${fifoDepth}`);
    }
    super({
      clockHz,
      regShift: REG_SHIFT,
      regionSize: REGION_BYTES,
      fifoDepth,
      triggerLevels: [1, fifoDepth / 4, fifoDepth / 2, fifoDepth - 2],
      autoFlow: true,
      onTransmit,
    });
    this.#fifoDepth = fifoDepth;
  }

  override read(region: number, offset: number, width: ModelWidth): number {
    if (offset < REGISTERS << REG_SHIFT) return super.read(region, offset, width);
    const word = this.#readWord(offset & ~3) >>> (8 * (offset & 3));
    return width === 4 ? word : word & (2 ** (8 * width) - 1);
  }

  override write(region: number, offset: number, width: ModelWidth, value: number): void {
    // The registers behind are all read-only.
    if (offset < REGISTERS << REG_SHIFT) super.write(region, offset, width, value);
  }

  override reset(): void {
    this.#busyDetected = false;
    super.reset();
  }

  protected override extraCause(): number {
    return this.#busyDetected ? IIR_BUSY : IIR_NONE;
  }

  protected override takesLineWrite(register: 'control' | 'divisor'): boolean {
    if (!this.busy) return true;
    if (register === 'control') this.#busyDetected = true;
    return false;
  }

  #readWord(offset: number): number {
    switch (offset) {
      case USR:
        return this.#takeStatus();
      case TFL:
        return this.levels.transmit;
      case RFL:
        return this.levels.received;
      case CPR:
        return (
          CPR_BUS_32 |
          CPR_AFCE_MODE |
          CPR_FIFO_STAT |
          CPR_ENCODED_PARAMS |
          ((this.#fifoDepth / FIFO_UNIT) << CPR_FIFO_SHIFT)
        );
      case UCV:
        return UCV_VALUE;
      case CTR:
        return CTR_VALUE;
      default:
        return 0;
    }
  }

  #takeStatus(): number {
    const { transmit, received } = this.levels;
    let status = this.busy ? USR_BUSY : 0;
    if (transmit < this.#fifoDepth) status |= USR_TFNF;
    if (transmit === 0) status |= USR_TFE;
    if (received > 0) status |= USR_RFNE;
    if (received >= this.#fifoDepth) status |= USR_RFF;
    this.#busyDetected = false;
    this.settle();
    return status;
  }
}
