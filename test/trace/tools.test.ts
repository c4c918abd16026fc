import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  diffTraces,
  dumpTrace,
  exportPerfetto,
  exportVcd,
  exportVitest,
  MemorySink,
  minimizeTrace,
  replayCore,
  replayHost,
  statTrace,
  Trace,
  TraceDebugger,
  trimTrace,
} from '../../host/trace';
import type { TraceHeader } from '../../host/trace/format/header';
import {
  OP_LINE_DOWN,
  OP_LINE_UP,
  OP_RING,
  OP_SAFE_POINT,
  OP_SIGNAL,
} from '../../host/trace/format/ops';
import { TraceWriter } from '../../host/trace/format/writer';
import { recordedLife } from './lives';

/** How often an event of this name begins. */
function countOf(trace: Trace, name: string): number {
  const cursor = trace.cursor();
  let count = 0;
  while (cursor.next()) {
    const { event } = cursor;
    if (event.name === name && (event.phase === 'whole' || event.phase === 'begin')) count++;
  }
  return count;
}

/** A trace without events whose header says this. */
function headerOnly(header: Partial<TraceHeader>): Trace {
  const sink = new MemorySink();
  const base: TraceHeader = {
    uuid: 'header',
    writer: { name: 'test', abi: 1 },
    device: { name: 'dev', compatible: [], group: null, noiommu: false, backend: 'cdev' },
    options: {},
    machine: null,
    directMapping: false,
    irqchip: false,
    dma: 'none',
    guestRam: [],
    quirks: [],
  };
  new TraceWriter(sink, { ...base, ...header }).finish(0);
  return Trace.open(sink.bytes());
}

const MICROSECOND = 1000;

/** A trace in which line 0 goes up and down again for each latency, given in microseconds. */
function interrupted(latencies: readonly number[], last: 'ended' | 'open' = 'ended'): Trace {
  const sink = new MemorySink();
  const writer = new TraceWriter(sink, headerOnly({}).header);
  writer.describe({
    bus: 'platform',
    resettable: false,
    regions: [],
    lines: [{ index: 0, trigger: 'level', maskable: true, usable: true }],
  });
  const { encoder } = writer;
  let now = 0;
  latencies.forEach((latency, index) => {
    encoder.whole(index % 2 === 0 ? OP_RING : OP_SIGNAL, now, [0, 1], 0);
    encoder.start(OP_SAFE_POINT, now, [], 0);
    encoder.whole(OP_LINE_UP, now, [0], 0);
    encoder.end(OP_SAFE_POINT);
    now += latency * MICROSECOND;
    encoder.start(OP_SAFE_POINT, now, [], 0);
    if (last === 'ended' || index < latencies.length - 1) encoder.whole(OP_LINE_DOWN, now, [0], 0);
    encoder.end(OP_SAFE_POINT);
    if (writer.isFull(0)) writer.endChunk(now, []);
  });
  writer.finish(now);
  return Trace.open(sink.bytes());
}

describe('the tools', () => {
  let trace: Trace;
  let other: Trace;
  beforeAll(async () => {
    ({ trace } = await recordedLife(3));
    ({ trace: other } = await recordedLife(3, { chunkBytes: 5000 }));
  });

  it('dump shows every event as text and as JSON lines', () => {
    const text = [...dumpTrace(trace)];
    expect(text[0]).toContain('trace a life of dev');
    expect(text.filter((line) => /^ *\d+ +\d[\d.]* ns /.test(line))).toHaveLength(
      trace.totals.events,
    );
    const json = [...dumpTrace(trace, { format: 'json' })].map((line) => JSON.parse(line));
    expect(json[0].header.device.name).toBe('dev');
    expect(json[1]).toMatchObject({ event: 0, name: 'openDevice', phase: 'begin', depth: 0 });
    expect(json.at(-1)).toMatchObject({ name: 'close' });
  });

  it('dump shows a window', () => {
    const json = [...dumpTrace(trace, { format: 'json', from: 50, to: 60 })].slice(1);
    const numbers = json.map((line) => JSON.parse(line).event);
    expect(Math.min(...numbers)).toBe(50);
    expect(Math.max(...numbers)).toBe(59);
  });

  it('diff finds nothing where only the chunks differ, and else the first difference', async () => {
    expect(diffTraces(trace, other)).toBeUndefined();
    const longer = await recordedLife(5);
    expect(diffTraces(trace, longer.trace)?.kind).toBe('header');
    const different = diffTraces(trace, longer.trace, { ignoreHeader: true });
    expect(different?.kind).toBe('event');
    expect(different?.first).not.toBe(different?.second);
    const head = new MemorySink();
    await trimTrace(trace, head, { to: 200 });
    const cut = diffTraces(trace, Trace.open(head.bytes()));
    expect(cut?.second).toBeUndefined();
    expect(cut?.event).toBeGreaterThanOrEqual(200);
    expect(cut?.before.length).toBeGreaterThan(0);
  });

  it('stat counts what is there', () => {
    const stat = statTrace(trace);
    expect(stat.events).toBe(trace.totals.events);
    expect(Object.values(stat.kinds).reduce((sum, count) => sum + count, 0)).toBe(stat.events);
    for (const name of ['lineUp', 'lineDown', 'read', 'write', 'unmask']) {
      expect(stat.kinds[name] ?? 0, name).toBe(countOf(trace, name));
    }
    const injections = stat.lines.reduce((sum, line) => sum + line.injections, 0);
    expect(injections).toBe(countOf(trace, 'lineUp'));
    for (const { triggerToEoi } of stat.lines) {
      if (triggerToEoi.count === 0) continue;
      expect(triggerToEoi.leastNs).toBeLessThanOrEqual(triggerToEoi.medianNs as number);
      expect(triggerToEoi.medianNs).toBeLessThanOrEqual(triggerToEoi.mostNs as number);
    }
  });

  it('stat has the extremes and the percentiles of more interrupts than it keeps', () => {
    const count = 100_000;
    // The first is the fastest and the second the slowest; the others get slower and slower.
    const latencies = [1, 2 * count, ...Array.from({ length: count }, (_, i) => 10 + i)];
    const [line] = statTrace(interrupted(latencies)).lines;
    expect(line).toMatchObject({ injections: count + 2, completions: count + 2 });
    expect(line?.triggerToEoi).toMatchObject({
      count: count + 2,
      leastNs: MICROSECOND,
      mostNs: 2 * count * MICROSECOND,
    });
    const near = (part: number) => [(part - 0.01) * count, (part + 0.01) * count];
    for (const [name, part] of [
      ['medianNs', 0.5],
      ['p99Ns', 0.99],
    ] as const) {
      const [least = 0, most = 0] = near(part);
      const value = (line?.triggerToEoi[name] ?? 0) / MICROSECOND;
      expect(value, name).toBeGreaterThan(least);
      expect(value, name).toBeLessThan(most);
    }
  });

  it('a trimmed window replays, and has the events of the whole', async () => {
    for (const [from, to] of [
      [100, 300],
      [257, 258],
      [0, 150],
    ] as const) {
      const sink = new MemorySink();
      await trimTrace(trace, sink, { from, to });
      const window = Trace.open(sink.bytes());
      expect(window.finalised).toBe(true);
      expect(window.verify()).toBeUndefined();
      expect(window.header.derived).toEqual({
        uuid: 'a life',
        how: from > 0 ? 'window' : 'head',
      });
      expect(await replayCore(window)).toMatchObject({ ok: true });
      expect(window.totals.events).toBeLessThan(trace.totals.events);
    }
  });

  it('a device in a trimmed window is where the whole recording has it', async () => {
    const sink = new MemorySink();
    await trimTrace(trace, sink, { from: 200, to: 320 });
    const window = await TraceDebugger.start(Trace.open(sink.bytes()));
    const whole = await TraceDebugger.start(trace);
    await whole.seek(200);
    expect(window.device?.lines).toEqual(whole.device?.lines);
    expect(window.timeNs).toBe(whole.timeNs);
    window.dispose();
    whole.dispose();
  });

  it('a machine refuses a part of a recording, and so does a replay of single lines', async () => {
    const sink = new MemorySink();
    await trimTrace(trace, sink, { from: 100, to: 300 });
    expect(() => replayHost(Trace.open(sink.bytes()))).toThrow('part of a recording');
    const lines = new MemorySink();
    await trimTrace(trace, lines, { lines: [0] });
    await expect(replayCore(Trace.open(lines.bytes()))).rejects.toMatchObject({
      code: 'TRACE_UNSUPPORTED',
    });
  });

  it('minimize leaves what the check needs and no more', async () => {
    const wanted = 3;
    expect(countOf(trace, 'lineUp')).toBeGreaterThan(wanted);
    const minimal = await minimizeTrace(trace, (each) => countOf(each, 'lineUp') >= wanted);
    expect(countOf(minimal.trace, 'lineUp')).toBeGreaterThanOrEqual(wanted);
    expect(minimal.calls).toBeLessThanOrEqual(wanted);
    expect(minimal.trace.finalised).toBe(true);
    await expect(minimizeTrace(trace, () => false)).rejects.toThrow(RangeError);
  });

  it('VCD has a variable for each line and times that go forward', () => {
    const lines = [...exportVcd(trace)];
    const variables = lines.filter((line) => line.startsWith('$var'));
    expect(variables).toHaveLength(3 + 2 * (trace.device?.lines.length ?? 0));
    const times = lines.filter((line) => line.startsWith('#')).map((line) => Number(line.slice(1)));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const body = lines.slice(lines.indexOf('$enddefinitions $end'));
    const up = variables.find((line) => line.includes(' line0_'))?.split(' ')[3] as string;
    expect(body.filter((line) => line === `1${up}`).length).toBeGreaterThan(0);
  });

  it('Perfetto JSON has a slice for each completed interrupt', () => {
    const { traceEvents } = JSON.parse([...exportPerfetto(trace)].join(''));
    const slices = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X');
    const completed = statTrace(trace).lines.reduce((sum, line) => sum + line.completions, 0);
    expect(slices).toHaveLength(completed);
    for (const { dur } of slices) expect(dur).toBeGreaterThanOrEqual(0);
  });

  it('Perfetto JSON has the signals that stat counts, and the interrupt that goes on', () => {
    const open = interrupted([10, 20, 30], 'open');
    const { traceEvents } = JSON.parse([...exportPerfetto(open)].join(''));
    const signals = traceEvents.filter(({ name }: { name: string }) => name === 'signal');
    expect(signals.map(({ ts }: { ts: number }) => ts)).toEqual([0, 10, 30]);
    expect(signals).toHaveLength(statTrace(open).lines[0]?.signals ?? 0);
    const slices = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X');
    expect(slices).toMatchObject([
      { name: 'active', ts: 0, dur: 10 },
      { name: 'active', ts: 10, dur: 20 },
      { name: 'active (unfinished)', ts: 30, dur: 30, args: { unfinished: true } },
    ]);
  });

  it('the exported test names the recording', () => {
    const text = exportVitest(trace, { file: 'dev.vtrace' });
    expect(text).toContain('new URL("./dev.vtrace", import.meta.url)');
    expect(text).toContain(`toBe(${trace.totals.events})`);
    expect(() => exportVitest(trace, { file: '/etc/passwd' })).toThrow('relative');
  });

  it.each(['\n', '\r', '\u2028', '\u2029', '*/', '"', "'", '`${', '\\"'])(
    'nothing in a trace gets out of its strings in the exported test (%j)',
    async (breaker) => {
      const hostile = `x${breaker}; globalThis.injected = true; test${breaker}\n//`;
      const device = { compatible: [], group: null, noiommu: false, backend: 'cdev' as const };
      const text = exportVitest(
        headerOnly({ uuid: hostile, device: { ...device, name: hostile } }),
        { file: `a${breaker}b.vtrace`, library: `lib${breaker}` },
      );
      expect(text).not.toMatch(/[^\n\x20-\x7e]/);
      expect(ts.transpileModule(text, { reportDiagnostics: true }).diagnostics).toEqual([]);
      const { statements } = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest);
      const { ImportDeclaration, ExpressionStatement } = ts.SyntaxKind;
      expect(statements.map(({ kind }) => kind)).toEqual([
        ...[ImportDeclaration, ImportDeclaration, ImportDeclaration],
        ExpressionStatement,
      ]);
      // What it expects is still what the trace says.
      const strings: string[] = [];
      const collect = (node: ts.Node): void => {
        if (ts.isStringLiteral(node)) strings.push(node.text);
        ts.forEachChild(node, collect);
      };
      for (const each of statements) collect(each);
      expect(strings).toEqual(
        expect.arrayContaining([hostile, `${hostile} does what was recorded`, `lib${breaker}`]),
      );
    },
  );
});
