import { deflateSync, Inflate, inflateSync } from 'fflate';
import { INFLATE_AT_ONCE_BYTES, INFLATE_SLICE_BYTES, MAX_CHUNK_BYTES } from '../limits';
import { crc32 } from './crc32';
import { corrupt, unsupported } from './problem';

/** 0x89 V T R, CR LF, Ctrl-Z, LF: what transfers as text would change comes first, as in PNG. */
const SIGNATURE = [0x89, 0x56, 0x54, 0x52, 0x0d, 0x0a, 0x1a, 0x0a];
/** Readers refuse another major version, and ignore the minor one. */
export const FORMAT_MAJOR = 1;
export const FORMAT_MINOR = 0;
/** Signature, versions and their checksum. */
export const PROLOGUE_BYTES = 16;

const CHUNK_MAGIC = 0x4b484356; // "VCHK"
export const CHUNK_HEADER_BYTES = 64;

export const CHUNK_HEADER = 1;
export const CHUNK_DEVICE = 2;
export const CHUNK_EVENTS = 3;
export const CHUNK_CHECKPOINT = 4;
export const CHUNK_END = 5;
/** Chunks from this kind on may be skipped by readers that do not know them. */
export const CHUNK_OPTIONAL = 0x80;

const STORED = 0;
const DEFLATED = 1;
/** Speed counts more than size: a recording must not slow the guest down. */
const LEVEL = 1;

/** What the header of a chunk tells. */
export interface ChunkInfo {
  readonly kind: number;
  readonly encoding: number;
  /** 0 for the header, then one more with each chunk. */
  readonly sequence: number;
  /** CRC-32 of the header chunk's contents, so that chunks of two traces do not mix. */
  readonly binding: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly events: number;
  readonly accesses: number;
  /** Events, accesses and machine time before the chunk. */
  readonly firstEvent: number;
  readonly firstAccess: number;
  readonly timeNs: number;
  readonly payloadCrc: number;
}

/** A chunk with its place in the file. */
export interface PlacedChunk extends ChunkInfo {
  /** Byte offset of its header. */
  readonly at: number;
}

export function prologue(): Uint8Array {
  const bytes = new Uint8Array(PROLOGUE_BYTES);
  bytes.set(SIGNATURE);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, FORMAT_MAJOR, true);
  view.setUint16(10, FORMAT_MINOR, true);
  view.setUint32(12, crc32(bytes.subarray(0, 12)), true);
  return bytes;
}

/** @throws VfioError TRACE_INVALID via `refuse`, TRACE_UNSUPPORTED, TRACE_CORRUPT */
export function checkPrologue(bytes: Uint8Array, refuse: (why: string) => Error): void {
  if (bytes.length < PROLOGUE_BYTES) throw refuse('it is too short');
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw refuse('it does not begin as one');
  const view = new DataView(bytes.buffer, bytes.byteOffset, PROLOGUE_BYTES);
  if (view.getUint32(12, true) !== crc32(bytes.subarray(0, 12))) {
    throw corrupt('its first bytes do not match their checksum');
  }
  const major = view.getUint16(8, true);
  if (major !== FORMAT_MAJOR) {
    throw unsupported(`it has format ${major}, this release reads format ${FORMAT_MAJOR}`);
  }
}

export type ChunkContents = Pick<
  ChunkInfo,
  'kind' | 'sequence' | 'binding' | 'events' | 'accesses' | 'firstEvent' | 'firstAccess' | 'timeNs'
>;

/** The bytes of a chunk, header and compressed contents. */
export function packChunk(contents: ChunkContents, raw: Uint8Array): Uint8Array {
  const deflated = deflateSync(raw, { level: LEVEL });
  const smaller = deflated.length < raw.length;
  const stored = smaller ? deflated : raw;
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES + stored.length);
  bytes.set(stored, CHUNK_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CHUNK_MAGIC, true);
  view.setUint8(4, contents.kind);
  view.setUint8(5, smaller ? DEFLATED : STORED);
  view.setUint32(8, contents.sequence, true);
  view.setUint32(12, contents.binding, true);
  view.setUint32(16, stored.length, true);
  view.setUint32(20, raw.length, true);
  view.setUint32(24, contents.events, true);
  view.setUint32(28, contents.accesses, true);
  view.setFloat64(32, contents.firstEvent, true);
  view.setFloat64(40, contents.firstAccess, true);
  view.setFloat64(48, contents.timeNs, true);
  view.setUint32(56, crc32(stored), true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Reads the header of a chunk. @throws VfioError TRACE_CORRUPT */
export function readChunkHeader(bytes: Uint8Array): ChunkInfo {
  if (bytes.length < CHUNK_HEADER_BYTES) throw corrupt('a chunk header is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  const word = (at: number) => view.getUint32(at, true);
  if (word(0) !== CHUNK_MAGIC) throw corrupt('there is no chunk where one should begin');
  if (word(60) !== crc32(bytes.subarray(0, 60))) {
    throw corrupt('a chunk header does not match its checksum');
  }
  const info: ChunkInfo = {
    kind: view.getUint8(4),
    encoding: view.getUint8(5),
    sequence: word(8),
    binding: word(12),
    storedBytes: word(16),
    rawBytes: word(20),
    events: word(24),
    accesses: word(28),
    firstEvent: view.getFloat64(32, true),
    firstAccess: view.getFloat64(40, true),
    timeNs: view.getFloat64(48, true),
    payloadCrc: word(56),
  };
  const { storedBytes, rawBytes, events, accesses, firstEvent, firstAccess } = info;
  if (storedBytes > MAX_CHUNK_BYTES || rawBytes > MAX_CHUNK_BYTES) {
    throw corrupt(`a chunk of ${Math.max(storedBytes, rawBytes)} bytes is too long`);
  }
  // No event is shorter than a byte.
  if (events > rawBytes || accesses > events) throw corrupt('a chunk has impossible counts');
  if (!isCount(firstEvent) || !isCount(firstAccess) || !Number.isFinite(info.timeNs)) {
    throw corrupt('a chunk begins at an impossible place');
  }
  return info;
}

/** The contents of a chunk. @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED */
export function unpackChunk(info: ChunkInfo, stored: Uint8Array): Uint8Array {
  if (stored.length !== info.storedBytes) throw corrupt(`chunk ${info.sequence} is cut off`);
  if (crc32(stored) !== info.payloadCrc) {
    throw corrupt(`chunk ${info.sequence} does not match its checksum`);
  }
  if (info.encoding === STORED && info.rawBytes === info.storedBytes) return stored;
  if (info.encoding !== DEFLATED)
    throw unsupported(`chunk ${info.sequence} has an unknown encoding`);
  const { sequence, rawBytes, storedBytes } = info;
  const small = storedBytes < rawBytes && storedBytes <= INFLATE_AT_ONCE_BYTES;
  let inflated: Uint8Array;
  try {
    inflated = small ? inflateAtOnce(stored, rawBytes) : inflateInSlices(stored, rawBytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw corrupt(`chunk ${sequence} cannot be decompressed (${reason})`);
  }
  if (inflated.length !== rawBytes)
    throw corrupt(`chunk ${sequence} has another length than it says`);
  return inflated;
}

/** Work is bounded by the stored size only: inflate goes on when its room is full. */
function inflateAtOnce(stored: Uint8Array, rawBytes: number): Uint8Array {
  // The byte more shows whether there was more.
  return inflateSync(stored, { out: new Uint8Array(rawBytes + 1) });
}

/** Stops at the slice that brings more than `rawBytes`, however much would follow. */
function inflateInSlices(stored: Uint8Array, rawBytes: number): Uint8Array {
  const out = new Uint8Array(rawBytes);
  let length = 0;
  const inflate = new Inflate((bytes) => {
    if (length + bytes.length > rawBytes) throw new Error(`it has more than ${rawBytes} bytes`);
    out.set(bytes, length);
    length += bytes.length;
  });
  for (let at = 0; at < stored.length; at += INFLATE_SLICE_BYTES) {
    const end = at + INFLATE_SLICE_BYTES;
    inflate.push(stored.subarray(at, end), end >= stored.length);
  }
  return out.subarray(0, length);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
