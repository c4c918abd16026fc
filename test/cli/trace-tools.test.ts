import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeParts } from '../../host/cli/traces/text-file';
import { Trace } from '../../host/trace';
import { Desk, FakeTerminal, widest } from './fixture';
import { board, call, recorded } from './recordings';

let made: Map<string, Uint8Array>;
beforeAll(async () => {
  made = await recorded();
});
const run = (...args: readonly string[]) => call(new Map(made), ...args);
const bytes = (name: string) => made.get(name) ?? new Uint8Array();

describe('dump', () => {
  it('prints an event a line, with what happened inside of it', async () => {
    const { code, out } = await run('dump', 'a.rtc.trace', '--count', '3');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 3)).toEqual([
      '       0             0 ns  openDevice',
      '       1             0 ns    open node=1 index=0 -> result=0',
      '       2             0 ns    ioctl VFIO_GROUP_GET_STATUS handle=0 0800000000000000',
    ]);
  });

  it('prints JSON lines, the first of them about the trace', async () => {
    const { out } = await run('dump', 'a.rtc.trace', '--json', '--kind', 'read', '-n', '2');
    const [head, ...events] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head).toMatchObject({ finalised: true, header: { device: { name: 'a.rtc' } } });
    expect(events).toEqual([
      expect.objectContaining({ name: 'read', args: { region: 0, offset: 0xfec, width: 4 } }),
      expect.objectContaining({ name: 'read', args: { region: 0, offset: 0xfe8, width: 4 } }),
    ]);
  });

  it('begins where it is told, and shows one line only', async () => {
    const { out } = await run('dump', 'a.rtc.trace', '--from', '10', '--line', '0', '--json');
    const [, ...events] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) {
      expect(event.event).toBeGreaterThanOrEqual(10);
      expect(event.args.line).toBe(0);
    }
  });

  it('knows its kinds of events', async () => {
    const { code, error } = await run('dump', 'a.rtc.trace', '--kind', 'raed');
    expect(code).toBe(2);
    expect(error).toContain("Did you mean 'read'?");
  });

  it('ends at Ctrl-C', async () => {
    const desk = new Desk({ board });
    desk.terminal.files.files.set('a.rtc.trace', bytes('a.rtc.trace'));
    desk.terminal.interrupt();
    expect((await desk.run('dump', 'a.rtc.trace')).code).toBe(130);
  });
});

describe('diff', () => {
  it('finds a trace the same as itself', async () => {
    expect(await run('diff', 'a.rtc.trace', 'a.rtc.trace')).toMatchObject({
      code: 0,
      out: 'the same\n',
    });
  });

  it('shows the first difference, and what went before', async () => {
    const { code, out } = await run('diff', 'a.rtc.trace', 'short.trace');
    expect(code).toBe(8);
    expect(out).toMatch(/^the first difference is at event \d+$/m);
    expect(out).toMatch(/^\+ .* close$/m);
    expect(widest(out)).toBeLessThanOrEqual(80);
    const { out: json } = await run('diff', 'a.rtc.trace', 'short.trace', '--json');
    expect(JSON.parse(json)).toMatchObject({ same: false, difference: { kind: 'event' } });
  });

  it('tells recordings of different things apart', async () => {
    const files = new Map(made);
    const { code, out } = await call(files, 'diff', 'a.rtc.trace', 'b.uart.trace');
    expect(code).toBe(8);
    expect(out).toContain('recordings of different things');
  });
});

describe('stat', () => {
  it('counts events, interrupts and their latencies', async () => {
    const { code, out } = await run('stat', 'a.rtc.trace', '--json');
    expect(code).toBe(0);
    const data = JSON.parse(out);
    expect(data).toMatchObject({
      device: 'a.rtc',
      cut: null,
      kinds: { openDevice: 1, connectLine: 1 },
      lines: [{ line: 0, stalls: 0, storm: false }],
    });
    const [line] = data.lines;
    expect(line.injections).toBeGreaterThan(0);
    expect(line.completions).toBe(line.injections);
    expect(line.triggerToEoi.count).toBe(line.completions);
  });

  it('shows them as a table, in 80 columns', async () => {
    const { out } = await run('stat', 'a.rtc.trace');
    expect(out).toMatch(/^a\.rtc: \d+ events, \d+ accesses, 10\.000 ms$/m);
    expect(out).toMatch(/^LINE +SIGNALS +INJECTED/m);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it('takes what counts as a stall and as a storm', async () => {
    const { out } = await run('stat', 'a.rtc.trace', '--stall', '0', '--storm', '1');
    expect(out).toMatch(/storm, \d+ stalled/);
  });
});

describe('export', () => {
  it('writes waveforms', async () => {
    const files = new Map(made);
    const { code } = await call(files, 'export', 'a.rtc.trace', '-o', 'rtc.vcd');
    expect(code).toBe(0);
    const text = new TextDecoder().decode(files.get('rtc.vcd'));
    expect(text).toMatch(/^\$comment a\.rtc/);
    expect(text).toContain('$var wire 1 $ line0_level $end\n');
  });

  it('writes Chrome trace events to the standard output', async () => {
    const { code, out } = await run('export', 'a.rtc.trace', '--format', 'perfetto');
    expect(code).toBe(0);
    const { traceEvents } = JSON.parse(out);
    expect(traceEvents.filter(({ ph }: { ph: string }) => ph === 'X').length).toBeGreaterThan(0);
  });

  it('writes a test that replays the recording', async () => {
    const { code, out } = await run('export', 'a.rtc.trace', '-f', 'vitest');
    expect(code).toBe(0);
    expect(out).toContain('new URL("./a.rtc.trace", import.meta.url)');
    expect(out).toContain('replayCore(trace)');
  });

  it('replaces nothing unasked', async () => {
    const files = new Map(made);
    expect((await call(files, 'export', 'a.rtc.trace', '-o', 'short.trace')).code).toBe(1);
    expect(files.get('short.trace')).toEqual(bytes('short.trace'));
    expect((await call(files, 'export', 'a.rtc.trace', '-o', 'short.trace', '--force')).code).toBe(
      0,
    );
  });

  it('ends at Ctrl-C, and leaves what it has written', async () => {
    const terminal = new FakeTerminal();
    function* endless() {
      for (let part = 0; ; part++) {
        if (part === 10_000) terminal.interrupt();
        yield 'x';
      }
    }
    const writing = writeParts(terminal, 'out', false, endless(), 'exporting', () => 0);
    await expect(writing).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(terminal.files.files.get('out')?.length).toBeGreaterThanOrEqual(10_000);
  });
});

describe('trim', () => {
  it('keeps a window, which replays by itself', async () => {
    const files = new Map(made);
    const args = ['trim', 'a.rtc.trace', '--from', '300', '--to', '500', '-o', 'window.trace'];
    const { code, out } = await call(files, ...args);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ events in window\.trace, \d+ bytes\n$/);
    expect((await call(files, 'replay', 'window.trace')).code).toBe(0);
    const { out: head } = await call(files, 'dump', 'window.trace', '--json', '-n', '1');
    const [first = ''] = head.split('\n');
    expect(JSON.parse(first)).toMatchObject({ header: { derived: { how: 'window' } } });
    expect(JSON.parse(first).totals.events).toBeLessThan(300);
  });

  it('keeps some lines, for looking at', async () => {
    const files = new Map(made);
    const { code } = await call(files, 'trim', 'a.rtc.trace', '--line', '5', '-o', 'other.trace');
    expect(code).toBe(0);
    const { out } = await call(files, 'dump', 'other.trace', '--kind', 'ring');
    expect(out).toBe('');
  });

  it.each([
    [['trim', 'a.rtc.trace'], 'no --output'],
    [['trim', 'a.rtc.trace', '--from', '9', '--to', '9', '-o', 'x'], 'nothing from event 9 to 9'],
    [['trim', 'a.rtc.trace', '--line', 'all', '-o', 'x'], '--line must be a whole number'],
    [['minimize', 'a.rtc.trace', '--check', 'false'], 'no --output'],
    [['minimize', 'a.rtc.trace', '-o', 'x'], 'either --core or --check'],
  ])('%j is refused: %s', async (args, message) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toContain(message);
  });
});

describe('minimize', () => {
  const desk = (files = made) => {
    const it = new Desk({ board });
    for (const [name, each] of files) it.terminal.files.files.set(name, each);
    return it;
  };
  /** Fails as long as the guest still writes the match register of the clock. */
  const writesMatch = ({ terminal }: Desk, path: string) => {
    const trace = Trace.open(terminal.files.files.get(path) ?? new Uint8Array());
    const cursor = trace.cursor();
    while (cursor.next()) {
      const { name, args } = cursor.event;
      if (name === 'write' && args[1] === 4) return 1;
    }
    return 0;
  };

  it('finds the shortest recording that a command still refuses', async () => {
    const it = desk();
    const { terminal } = it;
    terminal.onShell = (command, path) => {
      expect(command).toBe('./check.sh');
      return writesMatch(it, path);
    };
    const args = ['minimize', 'a.rtc.trace', '--check', './check.sh', '-o', 'small.trace'];
    const { code, data } = await it.json(...args);
    expect(code).toBe(0);
    expect(data).toMatchObject({ file: 'small.trace', calls: 1 });
    expect(data.events).toBeLessThan(data.before / 4);
    expect(terminal.files.files.has('small.trace.candidate')).toBe(false);
  });

  it('finds it for a core with one wrong transition', async () => {
    const core = readFileSync(new URL('../../.cache/core/release.wasm', import.meta.url));
    // i32.const 0x20000, which is EFFECT_UNMASK, becomes i32.const 0: lines are not unmasked.
    const unmask = Buffer.from([0x41, 0x80, 0x80, 0x08]);
    let at = core.indexOf(unmask);
    expect(at).toBeGreaterThan(0);
    for (; at >= 0; at = core.indexOf(unmask, at + 1)) core[at + 3] = 0;
    const it = desk(new Map(made).set('bad.wasm', new Uint8Array(core)));
    const args = ['minimize', 'a.rtc.trace', '--core', 'bad.wasm', '-o', 'small.trace'];
    const { code, data } = await it.json(...args);
    expect(code).toBe(0);
    expect(data.events).toBeLessThan(data.before);
  });

  it('writes the best so far at Ctrl-C', async () => {
    const it = desk();
    const { terminal } = it;
    let asked = 0;
    terminal.onShell = (_, path) => {
      if (++asked === 4) terminal.interrupt();
      return writesMatch(it, path);
    };
    const args = ['minimize', 'a.rtc.trace', '--check', 'x', '-o', 'small.trace'];
    expect((await it.run(...args)).code).toBe(130);
    const { totals } = Trace.open(terminal.files.files.get('small.trace') ?? new Uint8Array());
    expect(totals.events).toBeGreaterThan(0);
  });

  it('has nothing to do where the check passes, and leaves no file', async () => {
    const it = desk();
    const { terminal } = it;
    terminal.onShell = () => 0;
    const { code, error } = await it.run('minimize', 'a.rtc.trace', '--check', 'true', '-o', 'x');
    expect(code).toBe(1);
    expect(error).toContain('does not fail the check');
    expect(terminal.files.files.has('x')).toBe(false);
  });
});
