import { VfioError } from '../../errors';
import { MAX_CHUNKS } from '../limits';
import {
  CHUNK_CHECKPOINT,
  CHUNK_DEVICE,
  CHUNK_END,
  CHUNK_EVENTS,
  CHUNK_HEADER,
  CHUNK_HEADER_BYTES,
  CHUNK_OPTIONAL,
  checkPrologue,
  type PlacedChunk,
  PROLOGUE_BYTES,
  readChunkHeader,
  unpackChunk,
} from './chunk';
import { crc32 } from './crc32';
import {
  type DeviceDescription,
  decodeDevice,
  decodeHeader,
  decodeTotals,
  type TraceHeader,
  type TraceTotals,
} from './header';
import { corrupt, unsupported } from './problem';

/** Where the bytes of a trace are: memory, or a file that is read where needed. */
export interface TraceSource {
  /** Bytes. */
  readonly size: number;
  /** `length` bytes from `at`, fewer only at the end. */
  read(at: number, length: number): Uint8Array;
}

/** The place where a trace stops before its end, and why. */
export interface TraceCut {
  /** Bytes that can be read. */
  readonly at: number;
  readonly reason: string;
}

/** The core's state before an event. */
export interface TraceCheckpoint {
  readonly event: number;
  readonly chunk: PlacedChunk;
}

/** The contents of a chunk, checked. @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED */
export function readContents(source: TraceSource, chunk: PlacedChunk): Uint8Array {
  return unpackChunk(chunk, source.read(chunk.at + CHUNK_HEADER_BYTES, chunk.storedBytes));
}

/** What the headers of the chunks tell. */
export interface Scan {
  header: TraceHeader;
  device: DeviceDescription | undefined;
  events: PlacedChunk[];
  checkpoints: TraceCheckpoint[];
  totals: TraceTotals | undefined;
  cut: TraceCut | undefined;
}

/** Follows the chain of chunks as far as it is whole. */
export function scanChunks(source: TraceSource): Scan {
  checkPrologue(
    source.read(0, PROLOGUE_BYTES),
    (why) => new VfioError('TRACE_INVALID', `this is no trace: ${why}`),
  );
  const first = chunkAt(source, PROLOGUE_BYTES);
  if (first.kind !== CHUNK_HEADER || first.sequence !== 0) {
    throw corrupt('it does not begin with its header');
  }
  const headerBytes = readContents(source, first);
  const scan: Scan = {
    header: decodeHeader(headerBytes),
    device: undefined,
    events: [],
    checkpoints: [],
    totals: undefined,
    cut: undefined,
  };
  const chain = { binding: crc32(headerBytes), sequence: 1, event: 0, access: 0 };
  let at = endOf(first);
  while (at < source.size) {
    let chunk: PlacedChunk;
    try {
      if (scan.totals) throw corrupt('something follows its end');
      chunk = chunkAt(source, at);
      follow(chain, chunk);
      take(scan, source, chunk);
    } catch (error) {
      if (!(error instanceof VfioError) || error.code === 'TRACE_UNSUPPORTED') throw error;
      scan.cut = { at, reason: error.message };
      break;
    }
    at = endOf(chunk);
  }
  if (scan.totals === undefined && scan.cut === undefined) {
    scan.cut = { at, reason: 'the recording was not ended: what came after is missing' };
  }
  return scan;
}

function chunkAt(source: TraceSource, at: number): PlacedChunk {
  const info = readChunkHeader(source.read(at, CHUNK_HEADER_BYTES));
  if (at + CHUNK_HEADER_BYTES + info.storedBytes > source.size) {
    throw corrupt(`chunk ${info.sequence} is cut off`);
  }
  return { ...info, at };
}

function endOf(chunk: PlacedChunk): number {
  return chunk.at + CHUNK_HEADER_BYTES + chunk.storedBytes;
}

interface Chain {
  readonly binding: number;
  sequence: number;
  event: number;
  access: number;
}

/** Chunks of another trace, and missing, doubled or moved ones, break the chain. */
function follow(chain: Chain, chunk: PlacedChunk): void {
  if (chunk.binding !== chain.binding) throw corrupt('a chunk belongs to another trace');
  if (chunk.sequence !== chain.sequence) {
    throw corrupt(`chunk ${chunk.sequence} is where chunk ${chain.sequence} should be`);
  }
  if (chunk.firstEvent !== chain.event || chunk.firstAccess !== chain.access) {
    throw corrupt(`chunk ${chunk.sequence} does not continue the one before it`);
  }
  if (chain.sequence >= MAX_CHUNKS) throw corrupt(`it has more than ${MAX_CHUNKS} chunks`);
  chain.sequence++;
  chain.event += chunk.events;
  chain.access += chunk.accesses;
}

function take(scan: Scan, source: TraceSource, chunk: PlacedChunk): void {
  switch (chunk.kind) {
    case CHUNK_DEVICE:
      scan.device = decodeDevice(readContents(source, chunk));
      break;
    case CHUNK_EVENTS:
      scan.events.push(chunk);
      break;
    case CHUNK_CHECKPOINT:
      scan.checkpoints.push({ event: chunk.firstEvent, chunk });
      break;
    case CHUNK_END: {
      const totals = decodeTotals(readContents(source, chunk));
      if (totals.events !== chunk.firstEvent || totals.accesses !== chunk.firstAccess) {
        throw corrupt('its end counts other events than there are');
      }
      scan.totals = totals;
      break;
    }
    default:
      if (chunk.kind < CHUNK_OPTIONAL) throw unsupported(`it has chunks of kind ${chunk.kind}`);
  }
}
