import { deflateSync } from 'fflate';
import type { Random } from '../../host/sim';
import {
  CHUNK_HEADER_BYTES,
  type ChunkInfo,
  PROLOGUE_BYTES,
  packChunk,
  readChunkHeader,
  unpackChunk,
} from '../../host/trace/format/chunk';
import { crc32 } from '../../host/trace/format/crc32';

/** A damaged trace. */
export interface Mutant {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** Checksums were made to fit, so that nothing but the contents can give it away. */
  readonly sealed: boolean;
}

interface Part {
  readonly at: number;
  readonly end: number;
  readonly info: ChunkInfo;
}

/** The chunks of a sound trace. */
export function partsOf(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = PROLOGUE_BYTES; at < bytes.length; ) {
    const info = readChunkHeader(bytes.subarray(at));
    const end = at + CHUNK_HEADER_BYTES + info.storedBytes;
    parts.push({ at, end, info });
    at = end;
  }
  return parts;
}

function join(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}

function flip(bytes: Uint8Array, random: Random): Mutant {
  const copy = bytes.slice();
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  }
  return { what: `${count} bits flipped`, bytes: copy, sealed: false };
}

function overwrite(bytes: Uint8Array, random: Random): Mutant {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  const length = 1 + random.below(64);
  for (let i = at; i < Math.min(at + length, copy.length); i++) copy[i] = random.below(256);
  return { what: `${length} bytes overwritten at ${at}`, bytes: copy, sealed: false };
}

function cut(bytes: Uint8Array, random: Random): Mutant {
  const length = random.below(bytes.length);
  return { what: `cut to ${length} bytes`, bytes: bytes.slice(0, length), sealed: false };
}

/** Chunks doubled, dropped, exchanged, or taken from another trace. */
function splice(bytes: Uint8Array, other: Uint8Array, random: Random): Mutant {
  const parts = partsOf(bytes);
  const slices = parts.map(({ at, end }) => bytes.subarray(at, end));
  const place = random.below(slices.length);
  const way = random.below(4);
  if (way === 0) slices.splice(place, 0, pick(random, slices));
  else if (way === 1) slices.splice(place, 1);
  else if (way === 2) {
    const second = random.below(slices.length);
    [slices[place], slices[second]] = [slices[second] as Uint8Array, slices[place] as Uint8Array];
  } else {
    const foreign = pick(random, partsOf(other));
    slices[place] = other.subarray(foreign.at, foreign.end);
  }
  const name = ['doubled', 'dropped', 'exchanged', 'foreign'][way];
  return {
    what: `chunk ${place} ${name}`,
    bytes: join(bytes.subarray(0, PROLOGUE_BYTES), ...slices),
    sealed: false,
  };
}

/** A field of a chunk's header says something else, and the header's checksum agrees. */
function lie(bytes: Uint8Array, random: Random): Mutant {
  const copy = bytes.slice();
  const part = pick(random, partsOf(bytes));
  const view = new DataView(copy.buffer, part.at, CHUNK_HEADER_BYTES);
  const field = pick(random, [4, 5, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56]);
  const value = pick(random, [0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, random.below(2 ** 32)]);
  if (field < 8) view.setUint8(field, value);
  else if (field >= 32 && field <= 48) {
    view.setFloat64(field, pick(random, [value, -1, Number.NaN, 2 ** 60, 1e308]), true);
  } else view.setUint32(field, value, true);
  view.setUint32(60, crc32(copy.subarray(part.at, part.at + 60)), true);
  return {
    what: `header field ${field} of chunk ${part.info.sequence} = ${value}`,
    bytes: copy,
    sealed: true,
  };
}

/** The contents of a chunk are damaged, and all checksums agree. */
function poison(bytes: Uint8Array, random: Random): Mutant {
  const parts = partsOf(bytes);
  const part = pick(random, parts);
  const stored = bytes.subarray(part.at + CHUNK_HEADER_BYTES, part.end);
  let raw: Uint8Array = unpackChunk(part.info, stored).slice();
  const count = 1 + random.below(3);
  for (let i = 0; i < count && raw.length > 0; i++) {
    const at = random.below(raw.length);
    const way = random.below(4);
    if (way === 0) raw[at] = (raw[at] as number) ^ (1 << random.below(8));
    else if (way === 1) raw[at] = pick(random, [0, 0x7f, 0x80, 0xff]);
    else if (way === 2) raw = join(raw.subarray(0, at), raw.subarray(at + 1 + random.below(4)));
    else raw = join(raw.subarray(0, at), raw.subarray(random.below(at + 1)));
  }
  raw = raw.subarray(0, 0x40000);
  return {
    what: `chunk ${part.info.sequence} poisoned in ${count} places`,
    bytes: join(bytes.subarray(0, part.at), packChunk(part.info, raw), bytes.subarray(part.end)),
    sealed: true,
  };
}

/** The DEFLATE of `length` bytes whose every byte, but for a few, decompresses to 1032. */
export function bombOf(length: number): Uint8Array {
  const bytes = deflateSync(new Uint8Array(0x40000), { level: 9 });
  // In the middle of its block there is nothing but the same symbols.
  const middle = bytes.length >>> 1;
  const more = new Uint8Array(Math.max(length - bytes.length, 0)).fill(bytes[middle] as number);
  return join(bytes.subarray(0, middle), more, bytes.subarray(middle));
}

/** Puts `stored` in the place of a chunk's contents; checksums agree. */
export function replaceStored(bytes: Uint8Array, chunk: number, stored: Uint8Array): Uint8Array {
  const part = partsOf(bytes)[chunk] as Part;
  const head = bytes.slice(part.at, part.at + CHUNK_HEADER_BYTES);
  const view = new DataView(head.buffer);
  view.setUint8(5, 1);
  view.setUint32(16, stored.length, true);
  view.setUint32(56, crc32(stored), true);
  view.setUint32(60, crc32(head.subarray(0, 60)), true);
  return join(bytes.subarray(0, part.at), head, stored, bytes.subarray(part.end));
}

/** A chunk that decompresses to far more than it says. */
function bomb(bytes: Uint8Array, random: Random): Mutant {
  const chunk = random.below(partsOf(bytes).length);
  const length = pick(random, [0x800, 0x4000, 0x40000]);
  return {
    what: `chunk ${chunk} a bomb of ${length} bytes`,
    bytes: replaceStored(bytes, chunk, bombOf(length)),
    sealed: true,
  };
}

/** A random damage of `bytes`; `other` is another sound trace. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Mutant {
  // Rarely: even a bomb that is refused costs some milliseconds.
  if (random.below(200) === 0) return bomb(bytes, random);
  switch (random.below(8)) {
    case 0:
    case 1:
      return flip(bytes, random);
    case 2:
      return overwrite(bytes, random);
    case 3:
      return cut(bytes, random);
    case 4:
      return splice(bytes, other, random);
    case 5:
      return lie(bytes, random);
    default:
      return poison(bytes, random);
  }
}
