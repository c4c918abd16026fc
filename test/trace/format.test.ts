import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ops } from '../../host/trace';
import { ByteReader, ByteWriter } from '../../host/trace/format/bytes';
import { crc32 } from '../../host/trace/format/crc32';
import * as limits from '../../host/trace/limits';

describe('the format of traces', () => {
  it('is documented as it is: every operation with its fields', () => {
    const page = readFileSync('docs/trace-format.md', 'utf8');
    for (const { op, kind, name, args, results } of ops) {
      if (kind === 'mark') continue;
      const row = page.split('\n').find((line) => line.startsWith(`| ${op} | ${kind} | ${name} |`));
      expect(row, name).toBeDefined();
      for (const field of [...args, ...results])
        expect(row).toContain(`${field.type} ${field.name}`);
    }
    expect(page).toContain(`at most ${limits.MAX_CHUNK_BYTES / 0x100000} MiB`);
    expect(page).toContain('at most 65 536');
    expect(limits.MAX_EVENT_BYTES).toBe(65_536);
  });

  it('has the CRC of gzip', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });

  it('reads back every number', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.maxSafeNat(), fc.nat(300))),
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        fc.array(fc.double({ noNaN: true })),
        fc.uint8Array({ maxLength: 200 }),
        (unsigned, signed, doubles, bytes) => {
          const writer = new ByteWriter(1);
          for (const value of unsigned) writer.unsigned(value);
          for (const value of signed) writer.signed(value);
          for (const value of doubles) writer.double(value);
          writer.string(bytes);
          const reader = new ByteReader();
          reader.load(writer.written.slice());
          expect(unsigned.map(() => reader.unsigned())).toEqual(unsigned);
          expect(signed.map(() => reader.signed())).toEqual(signed);
          expect(doubles.map(() => reader.double())).toEqual(doubles);
          expect(reader.string()).toEqual(bytes);
          expect(reader.ended).toBe(true);
        },
      ),
    );
  });

  it('refuses numbers that are cut off or too long', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const reader = new ByteReader();
        reader.load(bytes);
        try {
          expect(reader.unsigned()).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
        } catch (error) {
          expect(error).toMatchObject({ code: 'TRACE_CORRUPT' });
        }
      }),
    );
  });
});
