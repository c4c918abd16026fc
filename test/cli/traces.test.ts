import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Trace } from '../../host/trace';
import { Desk } from './fixture';
import {
  again,
  board,
  call,
  devices,
  image,
  limit,
  record,
  recorded,
  rtc,
  uart,
} from './recordings';

let made: Map<string, Uint8Array>;
beforeAll(async () => {
  made = await recorded();
});
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
    const { expected, actual, interval } = JSON.parse(out).divergence;
    // What the guest did, and not that its devices were taken out because of it.
    expect(expected).toMatch(/^read region=0 offset=0xfec /);
    expect(actual).toBe('safePoint');
    expect(interval).toMatchObject({ from: expect.any(Number), before: 'same' });
    const { out: text } = await call(files, ...args.slice(0, -1));
    expect(text).toMatch(/got: +safePoint$/m);
    expect(text).toContain("the core's state right before it is the recorded one");
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

  it('goes to an interrupt, and a call back from it, with the core and with the guest', async () => {
    const place = ['--to', '40', '--interrupt', '0'];
    const at = async (...args: string[]) => {
      const { code, out } = await run('replay', ...args, '--json');
      expect(code).toBe(0);
      const data = JSON.parse(out);
      return data.traces?.[0] ?? data;
    };
    const core = await at('a.rtc.trace', ...place);
    expect(core.found).toMatchObject({ name: 'lineUp', args: { line: 0 } });
    expect(core.position).toBeGreaterThan(40);
    expect(core.lines[0]).toMatchObject({ index: 0, state: 'inactive' });
    const machine = await at(...again, ...place);
    expect(machine).toMatchObject({ mode: 'machine', found: core.found });
    expect(machine.position).toBeLessThanOrEqual(core.position);
    const back = await at('a.rtc.trace', ...place, '--back', '1');
    expect(back.position).toBeLessThan(core.position);
    const back2 = await at(...again, ...place, '--back', '2');
    expect(back2.position).toBeLessThan(machine.position);
    const { out } = await run('replay', ...again, ...place);
    expect(out).toContain(`before event ${machine.position}, at `);
    expect(out).toContain('lineUp line=0');
    expect(out).toContain('line 0: inactive');
  });

  it('goes to the next access to a register, by its name', async () => {
    const { code, out } = await run('replay', 'a.rtc.trace', '--access', 'RTCICR');
    expect(code).toBe(0);
    expect(out).toMatch(/found: event \d+, write region=0 offset=0x1c/);
    const missing = await run('replay', 'a.rtc.trace', '--access', '0:0xabc');
    expect(missing).toMatchObject({ code: 3, error: expect.stringContaining('has no access') });
    const both = await run('replay', 'a.rtc.trace', '--access', '0', '--interrupt', '0');
    expect(both.code).toBe(2);
    const output = ['--back', '1', '-o', 'x.trace'];
    expect((await run('replay', 'a.rtc.trace', ...output)).code).toBe(2);
  });

  it('tells that the core is not to blame where the guest does something else', async () => {
    const args = ['replay', ...again, '--limit', '0.005'];
    const { out } = await run(...args);
    expect(out).toContain("the core's state right before it is the recorded one");
    const { out: json } = await run(...args, '--json');
    expect(JSON.parse(json).divergence.interval).toMatchObject({ from: 0, before: 'same' });
  });

  it.each([
    [['-o', 'out.trace'], '--output records the core alone'],
    [['--to', '40', '-o', 'out.trace'], '--output records the core alone'],
    [['--to', '40', '--limit', '0.01'], '--limit ends a run'],
    [['--interrupt', '0', '--until', 'DONE'], '--until ends a run'],
  ])('with a guest refuses %j, which would go unheard', async (options, message) => {
    const files = new Map(made);
    const { code, error } = await call(files, 'replay', ...again, ...options);
    expect(code).toBe(2);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
    expect(files.has('out.trace')).toBe(false);
  });

  it("tells a breakpoint of the guest as the guest's, also on a walk", async () => {
    const files = new Map(made);
    const stops = new Uint8Array(0x400);
    const view = new DataView(stops.buffer);
    view.setUint32(0, 0x2004_0000, true);
    for (let at = 4; at < 0x100; at += 4) view.setUint32(at, 0x1000_0101, true);
    view.setUint16(0x100, 0xbe00, true);
    files.set('stops.bin', stops);
    for (const place of [['--to', '40'], limit]) {
      const args = ['replay', ...again, '--image', 'stops.bin', ...place];
      const { code, error } = await call(files, ...args);
      expect(error).toContain('the guest failed: ');
      expect(code).toBe(1);
    }
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

  it('that is cut off is walked to its last event by the core and by the guest', async () => {
    const files = new Map(made);
    for (const name of ['a.rtc.trace', 'b.uart.trace', 'c.gpio.trace']) {
      files.set(name, bytes(name).subarray(0, -1));
    }
    const at = async (...args: string[]) => {
      const { code, out } = await call(files, 'replay', ...args, '--json');
      const data = JSON.parse(out);
      return { code, place: data.traces?.[0] ?? data };
    };
    const core = await at('a.rtc.trace', '--to', '1000000');
    const machine = await at(...again, '--to', '1000000');
    expect([core.code, machine.code]).toEqual([9, 9]);
    expect(core.place.position).toBeGreaterThan(100);
    expect(machine.place).toMatchObject({
      ok: false,
      next: { name: 'close' },
      cut: expect.stringContaining('cut off'),
    });
    expect(core.place.position - machine.place.position).toBeLessThan(20);
    const before = core.place.position - 40;
    const there = await at(...again, '--to', String(before));
    expect(there.code).toBe(0);
    expect(there.place.position).toBeGreaterThan(before - 20);
  });

  it('that is cut off before the others ends the walk through all of them, and is named', async () => {
    const files = new Map<string, Uint8Array>([['stories.bin', image]]);
    await call(files, ...record, '--flush', '0.001');
    const uart = files.get('b.uart.trace') as Uint8Array;
    files.set('b.uart.trace', uart.subarray(0, Trace.open(uart).chunks.at(-1)?.at));
    const walk = [...again, '--to', '1000000'];
    const { code, out, error } = await call(files, 'replay', ...walk);
    expect(code).toBe(9);
    expect(error).toContain('b.uart.trace is cut off after');
    expect(out).toContain('it ends here, with b.uart: ');
    const { code: same, out: json } = await call(files, 'replay', ...walk, '--json');
    expect(same).toBe(9);
    expect(JSON.parse(json)).toMatchObject({ ok: false, cut: expect.stringMatching(/^b\.uart: /) });
    const run = await call(files, 'replay', ...again, '--limit', '1');
    expect(run).toMatchObject({ code: 9 });
    expect(run.out).toContain('the guest did the same, as far as is recorded');
    expect(run.out).toContain('b.uart: the recording ends here');
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
