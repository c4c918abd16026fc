import { MAX_LINES } from '../../../assembly/limits';
import { ByteReader, ByteWriter } from './bytes';
import { corrupt } from './problem';

/** A block of guest RAM that was mapped after the device was opened. */
export interface RamMapping {
  /** Bytes. */
  readonly size: number;
  readonly iova: bigint;
  readonly writable: boolean;
}

/**
 * The core's state between two calls, and what the host remembers besides it.
 * It is of one boundary version; readers of another one ignore it.
 */
export interface Checkpoint {
  /** Boundary version of the core. */
  readonly abi: number;
  readonly timerRuns: boolean;
  /** A timer was set at some time. */
  readonly timerUsed: boolean;
  /** Connected lines, each with its input of the irqchip plus one, or 0. */
  readonly lines: readonly (readonly [line: number, gsiPlusOne: number])[];
  readonly rams: readonly RamMapping[];
  /** Windows by number; a start of −1 is a free number. */
  readonly windows: readonly (readonly [pointer: number, length: number])[];
  /** The words of the state block. */
  readonly state: Uint32Array;
}

const MAX_WINDOWS = 0x4000;
const MAX_RAMS = 0x1000;
const MAX_STATE_WORDS = 0x100000;

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const writer = new ByteWriter(0x4000);
  writer.unsigned(checkpoint.abi);
  writer.unsigned((checkpoint.timerRuns ? 1 : 0) | (checkpoint.timerUsed ? 2 : 0));
  writer.unsigned(checkpoint.lines.length);
  for (const pair of checkpoint.lines) for (const value of pair) writer.unsigned(value);
  writer.unsigned(checkpoint.rams.length);
  for (const { size, iova, writable } of checkpoint.rams) {
    writer.unsigned(size);
    writer.unsigned(Number(iova & 0xffffffffn));
    writer.unsigned(Number((iova >> 32n) & 0xffffffffn));
    writer.unsigned(writable ? 1 : 0);
  }
  writer.unsigned(checkpoint.windows.length);
  for (const [pointer, length] of checkpoint.windows) {
    writer.unsigned(pointer + 1);
    writer.unsigned(length);
  }
  writeWords(writer, checkpoint.state);
  return writer.written.slice();
}

/** @throws VfioError TRACE_CORRUPT */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const reader = new ByteReader();
  reader.load(bytes);
  const list = <T>(most: number, what: string, item: () => T): T[] => {
    const count = reader.unsigned();
    if (count > most) throw corrupt(`a checkpoint has ${count} ${what}`);
    return Array.from({ length: count }, item);
  };
  const abi = reader.unsigned();
  const flags = reader.unsigned();
  const lines = list(MAX_LINES, 'lines', () => [reader.unsigned(), reader.unsigned()] as const);
  const rams = list(MAX_RAMS, 'blocks of guest RAM', () => {
    const size = reader.unsigned();
    const low = BigInt(reader.unsigned());
    const iova = (BigInt(reader.unsigned()) << 32n) | low;
    return { size, iova, writable: reader.unsigned() !== 0 };
  });
  const windows = list(
    MAX_WINDOWS,
    'windows',
    () => [reader.unsigned() - 1, reader.unsigned()] as const,
  );
  const timerRuns = (flags & 1) !== 0;
  const timerUsed = (flags & 2) !== 0;
  return { abi, timerRuns, timerUsed, lines, rams, windows, state: readWords(reader) };
}

/** Words, most of which are 0: runs of zeros and runs of others take turns. */
function writeWords(writer: ByteWriter, words: Uint32Array): void {
  writer.unsigned(words.length);
  for (let at = 0; at < words.length; ) {
    const zeros = at;
    while (at < words.length && words[at] === 0) at++;
    writer.unsigned(at - zeros);
    const others = at;
    while (at < words.length && words[at] !== 0) at++;
    writer.unsigned(at - others);
    for (let i = others; i < at; i++) writer.unsigned(words[i] as number);
  }
}

function readWords(reader: ByteReader): Uint32Array {
  const length = reader.unsigned();
  if (length > MAX_STATE_WORDS) throw corrupt(`a checkpoint has ${length} words`);
  const words = new Uint32Array(length);
  for (let at = 0; at < length; ) {
    const zeros = reader.unsigned();
    const others = reader.unsigned();
    if (zeros + others === 0 || at + zeros + others > length) {
      throw corrupt('a checkpoint has impossible runs');
    }
    at += zeros;
    for (let i = 0; i < others; i++) words[at++] = reader.unsigned();
  }
  return words;
}
