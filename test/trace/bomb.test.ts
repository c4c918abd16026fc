import { inflateSync } from 'fflate';
import { beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { Trace } from '../../host/trace';
import {
  CHUNK_EVENTS,
  packChunk,
  readChunkHeader,
  unpackChunk,
} from '../../host/trace/format/chunk';
import { INFLATE_AT_ONCE_BYTES, INFLATE_SLICE_BYTES } from '../../host/trace/limits';
import { recordedLife } from './lives';
import { bombOf, partsOf, replaceStored } from './mutate';

/** What DEFLATE makes of one byte at most. */
const MOST = 1032;

/** Bytes that decompression has made so far, or would have had to make where it cannot be stopped. */
let made = 0;

vi.mock('fflate', async (original) => {
  const fflate = await original<typeof import('fflate')>();
  return {
    ...fflate,
    inflateSync(stored: Uint8Array, options: { out: Uint8Array }) {
      made += stored.length * MOST;
      return fflate.inflateSync(stored, options);
    },
    Inflate: class extends fflate.Inflate {
      constructor(take: (bytes: Uint8Array, final: boolean) => void) {
        super((bytes, final) => {
          made += bytes.length;
          take(bytes, final);
        });
      }
    },
  };
});

let sound: Uint8Array;

beforeAll(async () => {
  sound = (await recordedLife(3)).bytes;
});

beforeEach(() => {
  made = 0;
});

it('a bomb decompresses to a thousand times its size', () => {
  expect(inflateSync(bombOf(0x10000)).length).toBeGreaterThan(0x10000 * 1000);
});

it.each([0x800, 0x2001, 0x8000, 0x8001, 0x40000, 0x100000])(
  'a bomb of %d bytes is refused before it has cost much',
  (length) => {
    const parts = partsOf(sound);
    const { info } = parts.find(
      (part) => part.info.kind === CHUNK_EVENTS,
    ) as (typeof parts)[number];
    const trace = replaceStored(sound, info.sequence, bombOf(length).subarray(0, length));
    const read = () => {
      const cursor = Trace.open(trace).cursor();
      while (cursor.next());
    };
    expect(read).toThrow(
      expect.objectContaining({
        code: 'TRACE_CORRUPT',
        message: expect.stringContaining(`chunk ${info.sequence}`),
      }),
    );
    // What the sound chunks may cost, and one bomb.
    const rest = parts.reduce((sum, part) => sum + part.info.storedBytes, 0) * MOST;
    expect(made).toBeLessThan(rest + Math.max(INFLATE_AT_ONCE_BYTES, INFLATE_SLICE_BYTES) * MOST);
  },
);

it('a chunk is what was packed, whatever its size, and not one byte more', () => {
  for (const size of [0, 1, 100, 0x2000, 0x8000, 0x20001, 0x100000]) {
    const raw = Uint8Array.from(
      { length: size },
      (_, i) => (Math.imul(i, 2654435761) >>> 24) & 0x3f,
    );
    const chunk = packChunk(
      {
        kind: 3,
        sequence: 5,
        binding: 0,
        events: 0,
        accesses: 0,
        firstEvent: 0,
        firstAccess: 0,
        timeNs: 0,
      },
      raw,
    );
    const info = readChunkHeader(chunk);
    const stored = chunk.subarray(64);
    expect(Buffer.compare(unpackChunk(info, stored), raw), String(size)).toBe(0);
    if (size < 100) continue;
    expect(info.storedBytes).toBeLessThan(size);
    for (const rawBytes of [size - 1, size + 1]) {
      expect(() => unpackChunk({ ...info, rawBytes }, stored), String(size)).toThrow('chunk 5');
    }
  }
});
