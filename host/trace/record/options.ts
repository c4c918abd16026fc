import { VfioError } from '../../errors';
import type { TraceSink } from '../format/writer';
import { CHUNK_LIMIT_BYTES, MAX_CHECKPOINT_INTERVAL } from '../limits';

/** How a recording is made. */
export interface RecordOptions {
  /** Names the recording; give each its own, for example crypto.randomUUID(). By device name where there are several. */
  readonly uuid: string | ((device: string) => string);
  /** Where the bytes go; by device name where there are several. */
  readonly sink: TraceSink | ((device: string) => TraceSink);
  /**
   * 'at-sync': guest RAM may be mapped for a device whose DMA this host cannot
   * see; the pages that changed are written down at each sync(). Not exact.
   */
  readonly dma?: 'at-sync';
  /** What is special about the device or the run, for people. */
  readonly quirks?: readonly string[];
  /** Events between two checkpoints, 1 … 2^31 - 1; 65 536 unless given. */
  readonly checkpointInterval?: number;
  /**
   * Bytes of events that are kept until they are compressed and written, 1 …
   * 131 072: what a crash can cost. 32 768 unless given; less compresses worse.
   */
  readonly chunkBytes?: number;
  /** Told when a recording ends early, for example because the disk is full; the device works on. */
  readonly onProblem?: (device: string, problem: VfioError) => void;
}

/** @throws VfioError OPTION_INVALID */
export function checkRecordOptions(options: RecordOptions): void {
  const { uuid, sink, dma, quirks, checkpointInterval, chunkBytes, onProblem } = options;
  require('uuid', 'a string or a function', typeof uuid === 'string' || isFunction(uuid));
  require('sink', 'an object with write(), or a function', isFunction(sink) || isSink(sink));
  require('dma', "'at-sync' or left out", dma === undefined || dma === 'at-sync');
  require('quirks', 'a list of strings', quirks === undefined || isTexts(quirks));
  require('onProblem', 'a function', onProblem === undefined || isFunction(onProblem));
  count('checkpointInterval', checkpointInterval, MAX_CHECKPOINT_INTERVAL);
  count('chunkBytes', chunkBytes, CHUNK_LIMIT_BYTES);
}

/** The name of the recording of one device. @throws VfioError OPTION_INVALID */
export function nameRecording(uuid: RecordOptions['uuid'], device: string): string {
  if (typeof uuid === 'string') return uuid;
  const made: unknown = uuid(device);
  require('uuid', 'a function that gives strings', typeof made === 'string');
  return made as string;
}

function require(name: string, what: string, holds: boolean): void {
  if (holds) return;
  throw new VfioError('OPTION_INVALID', `record(): option '${name}' must be ${what}`);
}

function count(name: string, value: unknown, most: number): void {
  if (value === undefined) return;
  const holds = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  const given = typeof value === 'object' ? typeof value : String(value);
  require(name, `a whole number from 1 to ${most}, not ${given}`, holds);
}

const isFunction = (value: unknown) => typeof value === 'function';
const isSink = (value: unknown) =>
  typeof value === 'object' && value !== null && isFunction((value as TraceSink).write);
const isTexts = (value: unknown) =>
  Array.isArray(value) && value.every((text) => typeof text === 'string');
