import type { Clock } from '../../../time/clock';
import { LCR_PARITY, LCR_STOP, LCR_WORD_LENGTH } from './bits';

/** What the parts of a UART share: time, and how characters look on the line. */
export interface Framing {
  readonly clock: () => Clock;
  /** Time that a character takes, greater than 0. */
  readonly characterNs: () => number;
  /** Data bits of a character, 5 … 8, as ones. */
  readonly dataMask: () => number;
}

export function dataMask(lcr: number): number {
  return 2 ** (5 + (lcr & LCR_WORD_LENGTH)) - 1;
}

/** Start, data, parity and stop bits of 16 · divisor clock periods; divisor 0 counts as 1. */
export function characterNs(lcr: number, divisor: number, clockHz: number): number {
  const dataBits = 5 + (lcr & LCR_WORD_LENGTH);
  const parityBits = lcr & LCR_PARITY ? 1 : 0;
  const longStop = dataBits === 5 ? 1.5 : 2;
  const stopBits = lcr & LCR_STOP ? longStop : 1;
  const bitNs = (16 * Math.max(1, divisor) * 1e9) / clockHz;
  return (1 + dataBits + parityBits + stopBits) * bitNs;
}
