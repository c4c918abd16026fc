import type { Machine } from '../../host/machines/contract';

/** What the firmware counted, in the words of its DONE line. */
export interface FirmwareResult {
  readonly failures: number;
  readonly rtc: number;
  readonly gpio: number;
  readonly uart: number;
  readonly spurious: number;
}

/** Told when the guest enters the handler of an interrupt input, and when it returns. */
export interface HandlerListener {
  entered(input: number): void;
  returned(input: number): void;
}

/** An emulator with the firmware in it. */
export interface Board {
  readonly machine: Machine;
  /** Starts the firmware, and runs it to its end. @throws when it does not get there */
  run(listener: HandlerListener): Promise<FirmwareResult>;
  /** Ends the emulator. */
  close(): Promise<void>;
}

/** The first of the words that the firmware leaves at the start of its memory, when it is done. */
export const RESULT_MAGIC = 0x454e_4f44;

/** The words behind it. */
export function resultOf(word: (index: number) => number): FirmwareResult {
  const [failures, rtc, gpio, uart, spurious] = [1, 2, 3, 4, 5].map(word) as Five;
  return { failures, rtc, gpio, uart, spurious };
}

type Five = [number, number, number, number, number];
