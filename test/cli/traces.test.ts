import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BoardDevice } from '../../host/cli/simulated/sample-board';
import { writeParts } from '../../host/cli/traces/text-file';
import { Pl011, Pl031, Pl061 } from '../../host/sim/models';
import { Trace } from '../../host/trace';
import { Desk, FakeTerminal, widest } from './fixture';

const image = new Uint8Array(readFileSync(new URL('../../firmware/stories.bin', import.meta.url)));
const base = { bus: 'amba', hostDriver: undefined, vfio: true } as const;
/** The board of the firmware, which goes on quickly where it finds all of it. */
const board: readonly BoardDevice[] = [
  { ...base, name: 'a.rtc', group: 0, model: () => new Pl031({ tickNs: 200_000 }) },
  { ...base, name: 'b.uart', group: 1, model: (serial) => new Pl011({ onTransmit: serial }) },
  { ...base, name: 'c.gpio', group: 2, model: () => new Pl061() },
];
const rtc = ['-d', 'rtc,region0=0x60000000,line0=20'];
const uart = ['-d', 'uart,region0=0x60008000,line0=22'];
const devices = [...rtc, ...uart, '-d', 'gpio,region0=0x60004000,line0=21'];
const limit = ['--limit', '0.01'];
const record = ['record', 'stories.bin', ...devices, ...limit, '-o', '%.trace'];
const again = ['a.rtc.trace', 'b.uart.trace', 'c.gpio.trace', '--image', 'stories.bin', ...devices];

/** A desk with recordings on it: one of each device, and a shorter one of the clock. */
async function recorded(): Promise<Map<string, Uint8Array>> {
  const files = new Map([['stories.bin', image]]);
  const short = await call(files, ...record, '--limit', '0.005');
  files.set('short.trace', files.get('a.rtc.trace') ?? image);
  const { code } = await call(files, ...record, '--force');
  expect([short.code, code]).toEqual([0, 0]);
  return files;
}

/** One call on a new computer, with these files. */
async function call(files: Map<string, Uint8Array>, ...args: readonly string[]) {
  const desk = new Desk({ board });
  for (const [name, bytes] of files) desk.terminal.files.files.set(name, bytes);
  const { terminal } = desk;
  const result = await desk.run(...args);
  for (const [name, bytes] of terminal.files.files) files.set(name, bytes);
  return result;
}

let made: Map<string, Uint8Array>;
beforeAll(async () => {
  made = await recorded();
}, 60_000);
const run = (...args: readonly string[]) => call(new Map(made), ...args);
const bytes = (name: string) => made.get(name) ?? new Uint8Array();

describe('record', () => {
  it('writes one trace for each device, named after it', async () => {
    expect([...made.keys()].sort()).toEqual([
      'a.rtc.trace',
      'b.uart.trace',
      'c.gpio.trace',
      'short.trace',
      'stories.bin',
    ]);
    const { code, out } = await run('replay', 'a.rtc.trace', 'b.uart.trace', 'c.gpio.trace');
    expect(code).toBe(0);
    expect(out.match(/: the same, \d+ events$/gm)).toHaveLength(3);
  });

  it('does not change what the guest does', async () => {
    const plain = await run('run', 'stories.bin', ...devices, ...limit, '--json');
    const also = await run(...record, '--force', '--json');
    const { serial, devices: seen, guestNs } = JSON.parse(also.out);
    expect(serial).toContain('id pl031=00041031');
    expect(JSON.parse(plain.out)).toMatchObject({ serial, devices: seen, guestNs });
  });

  it('writes what it has now and then, where that is asked for', async () => {
    const record = async (...options: string[]) => {
      const desk = new Desk({ board });
      const { files } = desk.terminal;
      files.files.set('stories.bin', image);
      let writes = 0;
      const create = files.create.bind(files);
      files.create = (path, replace) => {
        const { write, close } = create(path, replace);
        return { write: (more) => ++writes && write(more), close };
      };
      const args = ['record', 'stories.bin', ...rtc, '--limit', '0.03', '-o', 'rtc.trace'];
      expect((await desk.run(...args, ...options)).code).toBe(0);
      expect((await call(new Map(files.files), 'replay', 'rtc.trace')).code).toBe(0);
      return writes;
    };
    const plain = await record();
    expect(await record('--flush', '0.01')).toBe(plain + 3);
  });

  it('ends in order at Ctrl-C, with a valid file', async () => {
    const desk = new Desk({ board });
    const { terminal } = desk;
    terminal.files.files.set('stories.bin', image);
    setImmediate(() => terminal.interrupt());
    const { code } = await desk.run('record', 'stories.bin', ...rtc, '-o', 'cut.trace');
    expect(code).toBe(130);
    const files = new Map(terminal.files.files);
    expect((await call(files, 'replay', 'cut.trace')).code).toBe(0);
  });

  it.each([
    [['record', 'stories.bin', '-o', 'x'], 2, 'no --device'],
    [['record', 'stories.bin', ...rtc], 2, 'no --output'],
    [['record', 'stories.bin', ...rtc, ...uart, '-o', 'x'], 2, "Put a '%' into the name"],
    [['record', 'stories.bin', ...rtc, '-o', 'a.rtc.trace'], 1, 'there already'],
  ])('%j ends with %i: %s', async (args, expected, message) => {
    const before = bytes('a.rtc.trace');
    const files = new Map(made);
    const { code, error } = await call(files, ...args);
    expect({ code, error: error.replaceAll(/\s+/g, ' ') }).toEqual({
      code: expected,
      error: expect.stringContaining(message),
    });
    expect(files.get('a.rtc.trace')).toEqual(before);
  });
});

describe('replay', () => {
  it('finds the core doing the same, and records the same bytes', async () => {
    const files = new Map(made);
    const { code, out } = await call(files, 'replay', 'a.rtc.trace', '-o', 'again.trace');
    expect(code).toBe(0);
    expect(out).toMatch(/^a\.rtc\.trace: the same, \d+ events\n$/);
    expect(files.get('again.trace')).toEqual(bytes('a.rtc.trace'));
  });

  it('runs the guest again on the recorded devices', async () => {
    const { code, out } = await run('replay', ...again, ...limit);
    expect(code).toBe(0);
    expect(out).toContain('the guest did the same');
    expect(out).toMatch(/a\.rtc: .*\n +line 0: ([1-9]\d*) signals, \1 injections, \1 completions/);
  });

  it('shows where another guest does something else', async () => {
    const files = new Map(made);
    files.set(
      'other.bin',
      new Uint8Array(readFileSync(new URL('../../firmware/test-bus.bin', import.meta.url))),
    );
    const args = ['replay', ...again, '--image', 'other.bin', ...limit, '--json'];
    const { code, out } = await call(files, ...args);
    expect(code).toBe(8);
    const { expected, actual } = JSON.parse(out).divergence;
    expect(actual).not.toBe(expected);
  });

  it('shows the first difference where the guest is not run as long', async () => {
    const args = ['replay', ...again, '--limit', '0.005'];
    const { code, out } = await run(...args);
    expect(code).toBe(8);
    expect(out).toContain('first difference at event');
    expect(out).toContain('line 0: ');
    const { out: json } = await run(...args, '--json');
    expect(JSON.parse(json)).toMatchObject({
      ok: false,
      mode: 'machine',
      divergence: { event: expect.any(Number), lines: [expect.objectContaining({ index: 0 })] },
    });
  });

  it('stops before an event and shows the lines', async () => {
    const { code, out } = await run('replay', 'a.rtc.trace', '--to', '40', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).traces).toEqual([
      expect.objectContaining({ events: 40, lines: [expect.objectContaining({ index: 0 })] }),
    ]);
  });

  it('ends at Ctrl-C', async () => {
    const desk = new Desk({ board });
    desk.terminal.files.files.set('a.rtc.trace', bytes('a.rtc.trace'));
    desk.terminal.interrupt();
    expect((await desk.run('replay', 'a.rtc.trace')).code).toBe(130);
  });
});

describe('a damaged trace', () => {
  const damage = (change: (bytes: Uint8Array) => Uint8Array) =>
    new Map([['bad.trace', change(bytes('a.rtc.trace').slice())]]);

  it('that is cut off anywhere is told as such, and never crashes', async () => {
    const { length } = bytes('a.rtc.trace');
    for (let size = 0; size < length; size += 197) {
      const files = damage((all) => all.subarray(0, size));
      for (const command of ['replay', 'dump']) {
        const { code, error, out } = await call(files, command, 'bad.trace');
        expect({ command, size, code }).toEqual({ command, size, code: 9 });
        expect(out + error).toMatch(/cut off|no trace|damaged/);
      }
    }
  });

  it('with flipped bits is refused with the reason', async () => {
    for (let at = 0; at < bytes('a.rtc.trace').length; at += 211) {
      const files = damage((all) => {
        all[at] = (all[at] as number) ^ 0x10;
        return all;
      });
      const { code } = await call(files, 'replay', 'bad.trace');
      expect({ at, code }).toEqual({ at, code: 9 });
    }
  });

  it('is no trace at all when it is something else', async () => {
    const { code, error } = await run('replay', 'stories.bin');
    expect(code).toBe(9);
    expect(error).toContain('no trace');
    expect((await run('dump', 'nothing.trace')).code).toBe(3);
  });
});

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
