import { beforeAll, describe, expect, it } from 'vitest';
import { VfioError } from '../../host/errors';
import { SeededRandom } from '../../host/sim';
import { opShape, type RecordedEvent, replayCore, Trace } from '../../host/trace';
import { CHUNK_HEADER_BYTES } from '../../host/trace/format/chunk';
import { crc32 } from '../../host/trace/format/crc32';
import { recordedLife } from './lives';
import { mutate } from './mutate';

/** `npm run test:mutation` sets more, and another start for the next million. */
const MUTANTS = Number(process.env.TRACE_MUTANTS ?? 10_000);
const FIRST = Number(process.env.TRACE_FIRST_MUTANT ?? 1);
/** Every so manieth mutant is also replayed, which takes longer than reading. */
const REPLAYED = 40;
const BATCH = 2_500;
const NUMBERS = new Float64Array(10);
const NUMBER_BYTES = new Uint8Array(NUMBERS.buffer);
const PHASES = ['whole', 'begin', 'end', 'thrown'];

interface Original {
  readonly bytes: Uint8Array;
  /** Checksum of all events up to each one. */
  readonly sums: readonly number[];
}

/** Checksum of an event after that of those before it. */
function fold(event: RecordedEvent, before: number): number {
  const { op, phase, args, results, timeNs, depth, ordinal, input, output } = event;
  const shape = opShape(op);
  const starts = phase === 'whole' || phase === 'begin';
  const ends = phase === 'whole' || phase === 'end';
  NUMBERS.fill(0);
  NUMBERS.set([op + 64 * PHASES.indexOf(phase), timeNs, depth, ordinal]);
  if (starts) for (let i = 0; i < (shape?.args.length ?? 0); i++) NUMBERS[4 + i] = args[i] ?? 0;
  let sum = crc32(NUMBER_BYTES, before);
  if (ends && shape) {
    NUMBERS.fill(0);
    NUMBERS.set(results.slice(0, shape.results.length));
    sum = crc32(NUMBER_BYTES.subarray(0, 16), sum);
  }
  return crc32(output, crc32(input, sum));
}

/** Reads what can be read; gives the checksum of all events up to each one. */
function readAll(trace: Trace): { readonly sums: number[]; readonly error: unknown } {
  const sums: number[] = [];
  let sum = 0;
  try {
    const cursor = trace.cursor();
    while (cursor.next()) {
      sum = fold(cursor.event, sum);
      sums.push(sum);
    }
    for (const { chunk } of trace.checkpoints) trace.contents(chunk);
    return { sums, error: undefined };
  } catch (error) {
    return { sums, error };
  }
}

/** Only errors of this package, and with a code that names what is wrong. */
function expectNamed(error: unknown, what: string): void {
  if (error instanceof VfioError) return;
  throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
}

describe('damaged traces', () => {
  const originals: Original[] = [];

  beforeAll(async () => {
    for (const seed of [3, 8, 21, 34, 48]) {
      const { bytes } = await recordedLife(seed);
      originals.push({ bytes, sums: readAll(Trace.open(bytes)).sums });
    }
  });

  async function check(number: number): Promise<void> {
    const random = new SeededRandom(number);
    for (let i = 0; i < 6; i++) random.below(2);
    const original = originals[random.below(originals.length)] as Original;
    const other = originals[random.below(originals.length)] as Original;
    const { what, bytes, sealed } = mutate(original.bytes, other.bytes, random);
    const name = `mutant ${number}, ${what}`;
    let trace: Trace;
    try {
      trace = Trace.open(bytes);
    } catch (error) {
      expectNamed(error, name);
      return;
    }
    const { sums, error } = readAll(trace);
    if (error !== undefined) expectNamed(error, name);
    if (!sealed) {
      // What can be read is what was written, and what is missing is not hidden.
      expect(sums, name).toEqual(original.sums.slice(0, sums.length));
      const whole = sums.length === original.sums.length && trace.finalised;
      if (!whole) expect(trace.cut !== undefined || error !== undefined, name).toBe(true);
    }
    if (number % REPLAYED !== 0) return;
    try {
      const report = await replayCore(trace);
      if (!sealed && !report.ok) expect(report.divergence, name).toBeUndefined();
    } catch (failure) {
      expectNamed(failure, name);
    }
  }

  it('verify() names the very chunk whose contents are damaged, the first one too', () => {
    for (const { bytes } of originals) {
      const { chunks, checkpoints } = Trace.open(bytes);
      for (const { at, storedBytes } of [...chunks, ...checkpoints.map(({ chunk }) => chunk)]) {
        const damaged = bytes.slice();
        const last = at + CHUNK_HEADER_BYTES + storedBytes - 1;
        damaged[last] = (damaged[last] as number) ^ 0x40;
        const cut = Trace.open(damaged).verify();
        expect(cut?.at).toBe(at);
        expect(cut?.reason).not.toBe('');
      }
      expect(Trace.open(bytes).verify()).toBeUndefined();
    }
  });

  const last = FIRST + MUTANTS - 1;
  for (let from = FIRST; from <= last; from += BATCH) {
    const to = Math.min(from + BATCH - 1, last);
    it(`mutants ${from} to ${to} give named errors or truthful parts`, async () => {
      for (let number = from; number <= to; number++) await check(number);
    }, 600_000);
  }

  it('a trace cut at any byte opens up to its last whole chunk, and says so', () => {
    const { bytes, sums } = originals[0] as Original;
    let longest = 0;
    for (let length = 0; length < bytes.length; length++) {
      let trace: Trace;
      try {
        trace = Trace.open(bytes.subarray(0, length));
      } catch (error) {
        expectNamed(error, `cut to ${length}`);
        expect(longest).toBe(0);
        continue;
      }
      expect(trace.finalised).toBe(false);
      expect(trace.cut?.reason).toBeTruthy();
      expect(trace.totals.events).toBeGreaterThanOrEqual(longest);
      if (trace.totals.events === longest) continue;
      longest = trace.totals.events;
      const read = readAll(trace);
      expect(read.error).toBeUndefined();
      expect(read.sums).toEqual(sums.slice(0, read.sums.length));
    }
    expect(longest).toBe(Trace.open(bytes).totals.events);
  });
});
