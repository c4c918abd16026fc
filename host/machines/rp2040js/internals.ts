import type { RP2040 } from 'rp2040js';
import { checkMembers } from '../members';

type CoreInternals = Pick<
  RP2040['core'],
  | 'PC'
  | 'IPSR'
  | 'VTOR'
  | 'waiting'
  | 'pendingInterrupts'
  | 'setInterrupt'
  | 'checkForInterrupts'
  | 'exceptionEntry'
  | 'exceptionReturn'
  | 'executeInstruction'
>;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * What the adapter uses of an rp2040js chip. Some of it is public only in
 * practice, so {@link chipOf} checks that it is there.
 */
export type Rp2040Chip = Pick<
  RP2040,
  | 'clock'
  | 'flash'
  | 'logger'
  | 'onBreak'
  | 'peripherals'
  | 'loadBootrom'
  | 'readUint8'
  | 'readUint16'
  | 'writeUint8'
  | 'writeUint16'
  | 'setInterrupt'
> &
  Writable<Pick<RP2040, 'sram' | 'sramView'>> & { readonly core: CoreInternals };

/** An rp2040js `RP2040`, or anything that holds one, such as its `Simulator`. */
export type Rp2040Target = Rp2040Chip | { readonly rp2040: Rp2040Chip };

/** Bytes of the chip's SRAM, which starts at {@link SRAM_BASE}. */
export const SRAM_SIZE = 264 * 1024;
export const SRAM_BASE = 0x2000_0000;

const SUPPORTED = 'supported are rp2040js ^1.4 (tested with 1.4.1)';

const CHIP = {
  core: 'object',
  clock: 'object',
  flash: 'object',
  logger: 'object',
  peripherals: 'object',
  onBreak: 'function',
  loadBootrom: 'function',
  readUint8: 'function',
  readUint16: 'function',
  writeUint8: 'function',
  writeUint16: 'function',
  setInterrupt: 'function',
};

const CORE = {
  PC: 'number',
  IPSR: 'number',
  VTOR: 'number',
  waiting: 'boolean',
  pendingInterrupts: 'number',
  setInterrupt: 'function',
  checkForInterrupts: 'function',
  exceptionEntry: 'function',
  exceptionReturn: 'function',
  executeInstruction: 'function',
};

/**
 * The chip behind `target`.
 * @throws TypeError naming the first thing that this rp2040js lacks
 */
export function chipOf(target: Rp2040Target): Rp2040Chip {
  const chip = 'rp2040' in target ? target.rp2040 : target;
  requireMembers(chip, 'RP2040', CHIP);
  requireMembers(chip.core, 'RP2040.core', CORE);
  requireMembers(chip.clock, 'RP2040.clock', { nanos: 'number', createAlarm: 'function' });
  if (!(chip.sram instanceof Uint8Array) || chip.sram.length !== SRAM_SIZE) {
    unsupported(`RP2040.sram is not a Uint8Array of ${SRAM_SIZE} bytes`);
  }
  if (!(chip.sramView instanceof DataView) || chip.sramView.byteLength !== SRAM_SIZE) {
    unsupported(`RP2040.sramView is not a DataView of ${SRAM_SIZE} bytes`);
  }
  return chip;
}

/** @throws TypeError unless every member is there and has its type */
export function requireMembers(
  object: object,
  name: string,
  members: Readonly<Record<string, string>>,
): void {
  checkMembers(object, name, members, unsupported);
}

function unsupported(what: string): never {
  throw new TypeError(`This is not an rp2040js chip that can be driven: ${what}; ${SUPPORTED}`);
}
