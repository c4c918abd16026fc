import { beforeAll, describe, expect, it } from 'vitest';
import {
  MemorySink,
  minimizeTrace,
  replayCore,
  replayHost,
  Trace,
  TraceDebugger,
  type TrimOptions,
  trimTrace,
} from '../../host/trace';
import { recordedLife } from './lives';

async function trimmed(trace: Trace, options: TrimOptions): Promise<Trace> {
  const sink = new MemorySink();
  await trimTrace(trace, sink, options);
  return Trace.open(sink.bytes());
}

/** How often an event of this name begins; only those of one line, where it is given. */
function countOf(trace: Trace, name: string, line?: number): number {
  const cursor = trace.cursor();
  let count = 0;
  while (cursor.next()) {
    const { event } = cursor;
    if (event.name !== name || (event.phase !== 'whole' && event.phase !== 'begin')) continue;
    if (line === undefined || event.args[0] === line) count++;
  }
  return count;
}

/** Number of the first event behind the opening. */
function afterOpening(trace: Trace): number {
  const cursor = trace.cursor();
  while (cursor.next()) if (cursor.event.depth === 0 && cursor.event.ordinal > 0) break;
  return cursor.event.ordinal;
}

describe('a part of a part of a recording', () => {
  let whole: Trace;
  beforeAll(async () => {
    ({ trace: whole } = await recordedLife(3));
  });

  it('the head of a window is a window, which goes on from the same checkpoint', async () => {
    const window = await trimmed(whole, { from: 200 });
    const head = await trimmed(window, { to: afterOpening(window) + 60 });
    expect(head.header.derived?.how).toBe('window');
    expect(head.checkpoints[0]?.event).toBe(window.checkpoints[0]?.event);
    expect(head.totals.events).toBeGreaterThan(afterOpening(head));
    expect(await replayCore(head)).toMatchObject({ ok: true, divergence: undefined });
    expect(() => replayHost(head)).toThrow('part of a recording');
  });

  it('a window of a window still has the lines that were connected before both', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const { trace } = await recordedLife(seed);
      if (trace.device === undefined || trace.totals.events < 250) continue;
      const first = await trimmed(trace, { from: 120 });
      const behind = afterOpening(first);
      const middle = behind + Math.floor((first.totals.events - behind) / 2);
      const second = await trimmed(first, { from: middle });
      const report = await replayCore(second);
      expect(report, `seed ${seed}`).toMatchObject({ ok: true, divergence: undefined });
      const [there, same] = await Promise.all(
        [first, second].map((each) => TraceDebugger.start(each)),
      );
      await there?.seek(middle);
      expect(same?.device?.lines, `seed ${seed}`).toEqual(there?.device?.lines);
      there?.dispose();
      same?.dispose();
    }
  });

  it('a minimized window still replays', async () => {
    const window = await trimmed(whole, { from: 200 });
    const ups = countOf(window, 'lineUp');
    expect(ups).toBeGreaterThan(0);
    const small = await minimizeTrace(
      window,
      async (each) => countOf(each, 'lineUp') > 0 && (await replayCore(each)).ok,
    );
    expect(small.calls).toBeGreaterThan(0);
    expect(small.trace.totals.events).toBeLessThan(window.totals.events);
    expect(await replayCore(small.trace)).toMatchObject({ ok: true });
    expect(() => replayHost(small.trace)).toThrow('part of a recording');
  });

  it('a minimized recording that is trimmed is not taken for the head of a run', async () => {
    const small = await minimizeTrace(whole, (each) => countOf(each, 'lineUp') > 0);
    const copy = await trimmed(small.trace, {});
    expect(copy.header.derived?.how).toBe('minimize');
    expect(() => replayHost(copy)).toThrow('part of a recording');
  });

  it('a selection of lines is neither trimmed nor minimized', async () => {
    const lines = await trimmed(whole, { lines: [0] });
    const refusal = { code: 'TRACE_UNSUPPORTED', message: expect.stringContaining('a life') };
    for (const options of [{}, { to: 100 }, { from: 50 }, { lines: [0] }]) {
      await expect(trimmed(lines, options)).rejects.toMatchObject(refusal);
    }
    await expect(minimizeTrace(lines, () => true)).rejects.toMatchObject(refusal);
  });
});

describe('some lines of a window', () => {
  it('begin where the window begins', async () => {
    let seen = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const { trace } = await recordedLife(seed);
      const from = Math.floor(trace.totals.events / 2);
      if ((trace.device?.lines.length ?? 0) < 2 || from < 100) continue;
      const both = await trimmed(trace, { from, lines: [1] });
      const window = await trimmed(trace, { from }).catch(() => undefined);
      if (window === undefined) continue;
      expect(both.header.derived?.how).toBe('lines');
      expect(both.verify()).toBeUndefined();
      for (const name of ['read', 'write', 'reset', 'safePoint']) {
        expect(countOf(both, name), `seed ${seed}, ${name}`).toBe(countOf(window, name));
      }
      for (const name of ['ring', 'maskLine', 'completeLine']) {
        seen += countOf(both, name, 1);
        expect(countOf(both, name, 1), `seed ${seed}, ${name}`).toBe(countOf(window, name, 1));
      }
      expect(both.totals.timeNs).toBe(window.totals.timeNs);
    }
    expect(seen).toBeGreaterThan(0);
  });
});
