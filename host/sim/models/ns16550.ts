import { REGISTERS } from './uart/bits';
import { Uart16550, type UartCondition, type UartModemInputs } from './uart/uart16550';

const FIFO_DEPTH = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

/** Modem inputs of {@link Ns16550}; true = asserted (the pin itself is low). */
export type Ns16550ModemInputs = UartModemInputs;

/** How a character arrives at {@link Ns16550.receive}. */
export type Ns16550Condition = UartCondition;

/** Options of {@link Ns16550}. */
export interface Ns16550Options {
  /** Input clock (XIN) in hertz, greater than 0; 1 843 200 by default. */
  readonly clockHz?: number;
  /** Registers are 2^regShift bytes apart; 0 (default) … 4. */
  readonly regShift?: number;
  /** Called with each character (5 … 8 bits) when its last stop bit has left the UART. */
  readonly onTransmit?: (byte: number) => void;
}

/**
 * 16550A UART (National PC16550D data sheet), line 0 = INTR.
 *
 * - The registers are bytes. A wider access is one access to each register in
 *   it, with its side effects, in order of address; bytes between registers
 *   (regShift > 0) read 0.
 * - Characters take their time, both ways: start, data, parity and stop bits of
 *   16 · divisor clock periods. Divisor 0 counts as 1, so that a guest which
 *   leaves the baud rate to its firmware works.
 * - A character moves from the empty transmitter into the shift register at
 *   once, so the first write after a pause brings the THRE interrupt again.
 * - In loopback nothing is seen outside, and nothing comes in.
 * - OUT2 does not gate INTR: that is a matter of PC boards, not of the chip.
 *   DMA pins and sending breaks are not modelled.
 */
export class Ns16550 extends Uart16550 {
  readonly compatible: readonly string[] = ['ns16550a', 'ns16550'];

  constructor(options: Ns16550Options = {}) {
    const { clockHz = 1_843_200, regShift = 0, onTransmit } = options;
    super({
      clockHz,
      regShift,
      regionSize: REGISTERS << regShift,
      fifoDepth: FIFO_DEPTH,
      triggerLevels: TRIGGER_LEVELS,
      autoFlow: false,
      onTransmit,
    });
  }
}
