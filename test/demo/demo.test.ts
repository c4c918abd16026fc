import { beforeAll, describe, expect, it } from 'vitest';
import { runCli, wantsColour } from '../../demo/cli';
import { renderJson } from '../../demo/json';
import { renderFocus } from '../../demo/render/focus';
import { renderSummary } from '../../demo/render/summary';
import { plain } from '../../demo/render/text';
import { renderTimeline } from '../../demo/render/timeline';
import { runDemo } from '../../demo/run';

const ESCAPE = String.fromCharCode(0x1b);

async function demo(args: readonly string[] = [], colour = false) {
  let out = '';
  let error = '';
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    colour,
  });
  return { code, out, error };
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => [...line].length));
}

describe.each(['strict', 'qemu'])('the demo under policy %s', (policy) => {
  let run: Awaited<ReturnType<typeof demo>>;

  beforeAll(async () => {
    run = await demo(['--policy', policy]);
  });

  it('comes to a good end, and says so in its last line', () => {
    expect(run).toMatchObject({ code: 0, error: '' });
    expect(run.out.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(`^ OK  ${policy}: 60 interrupts handled by \\d+ injections in `),
    );
    expect(run.out).not.toContain('FAIL');
  });

  it('explains itself first', () => {
    const top = run.out.split('\n').slice(0, 4).join('\n');
    expect(top).toMatch(/host .*VFIO/);
    expect(top).toMatch(/guest .*firmware/);
    expect(top).toMatch(/plugin .*WebAssembly/);
  });

  it('shows interrupts, the firmware and the outside in the order of time', () => {
    const times = [...run.out.matchAll(/^ +(\d+\.\d{3}) {3}[·\d] [·\d] [·\d] /gm)].map(([, time]) =>
      Number(time),
    );
    expect(times.length).toBeGreaterThan(40);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(run.out).toContain('"rtc alarms=5 masked=1"');
    expect(run.out).toContain('"? pins 04 04" -> pin 2 high, after ');
    expect(run.out).toContain('"DONE rtc=5 gpio=11 uart=44 spurious=0 failures=0"');
  });

  it('fits into 80 columns, trails no blanks and has no colour codes', () => {
    expect(widest(run.out)).toBeLessThanOrEqual(80);
    expect(run.out).not.toMatch(/ \n/);
    expect(run.out).not.toContain(ESCAPE);
  });

  it('is the same text each time', async () => {
    expect((await demo(['--policy', policy])).out === run.out).toBe(true);
  });

  it('has the same text in colour', async () => {
    const { out } = await demo(['--policy', policy], true);
    expect(out).toContain(ESCAPE);
    expect(out.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '')).toBe(run.out);
  });
});

describe.each(['strict', 'qemu'])('the demo on v86 under policy %s', (policy) => {
  it('comes to a good end, and shows the same things', async () => {
    const { code, out, error } = await demo(['--machine', 'v86', '--policy', policy]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(`^ OK  ${policy}: \\d+ interrupts handled by \\d+ injections in `),
    );
    expect(out).toContain('0xfea08000, input 11');
    expect(out).toMatch(/One interrupt in full: RTC/);
    expect(out).toContain('"rtc alarms=5 masked=1"');
    expect(out).toMatch(/"DONE rtc=5 gpio=11 uart=\d+ spurious=0 failures=0"/);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });
});

describe('a run that goes wrong', () => {
  it('shows what went wrong, and fails', async () => {
    // Vector table and a reset handler that sleeps for good.
    const firmware = new Uint8Array(12);
    const words = new DataView(firmware.buffer);
    words.setUint32(0, 0x2004_0000, true);
    words.setUint32(4, 0x1000_0009, true);
    words.setUint32(8, 0xe7fd_bf30, true);
    const outcome = await runDemo({
      machine: 'rp2040js',
      firmware,
      policy: 'strict',
      seed: 1,
    });
    expect(outcome.ok).toBe(false);
    const failed = outcome.checks.filter(({ ok }) => !ok).map(({ id }) => id);
    expect(failed).toEqual(['firmware-done', 'no-problems']);
    expect(renderFocus(plain, outcome)).toEqual([]);
    const lines = [...renderTimeline(plain, outcome), ...renderSummary(plain, outcome)];
    expect(lines.filter((line) => line.includes('! The guest did not get there'))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^ FAILED {2}strict: 0 interrupts handled/);
    expect(widest(lines.join('\n'))).toBeLessThanOrEqual(80);
    expect(JSON.parse(renderJson(outcome))).toMatchObject({
      ok: false,
      firmware: null,
    });
  });
});

interface Json {
  readonly schema: string;
  readonly policy: string;
  readonly seed: number;
  readonly ok: boolean;
  readonly elapsedNs: number;
  readonly devices: {
    readonly label: string;
    readonly hostSignals: number;
    readonly handlerEntries: number;
    readonly line: Record<string, number | string>;
    readonly accesses: {
      readonly reads: number;
      readonly writes: number;
      readonly registers: Record<string, { readonly reads: number; readonly writes: number }>;
    };
    readonly triggerToEoiNs: {
      readonly min: number;
      readonly median: number;
      readonly max: number;
    };
  }[];
  readonly interrupts: {
    readonly device: string;
    readonly number: number;
    readonly cause: string;
    readonly triggerNs: number;
    readonly upNs: number;
    readonly takenNs: number | null;
    readonly eoiNs: number;
    readonly eoiBy: { readonly register: string } | null;
  }[];
  readonly notes: { readonly from: string; readonly text: string }[];
  readonly firmware: Record<string, number>;
  readonly checks: { readonly id: string; readonly ok: boolean }[];
  readonly leftOpen: Record<string, number>;
}

describe.each(['strict', 'qemu'])('the demo for programs, under policy %s', (policy) => {
  it('is one JSON object whose counts fit together', async () => {
    const { code, out, error } = await demo(['--json', '--policy', policy, '--seed=7']);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    const json = JSON.parse(out) as Json;
    expect(json).toMatchObject({
      schema: 'vfio-platform-wasm/demo/1',
      policy,
      seed: 7,
      ok: true,
      firmware: { failures: 0, spurious: 0 },
      leftOpen: { fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 },
    });
    expect(json.checks.every(({ ok }) => ok)).toBe(true);
    for (const device of json.devices) {
      const own = json.interrupts.filter((interrupt) => interrupt.device === device.label);
      expect(own.map(({ number }) => number)).toEqual(own.map((_, index) => index + 1));
      expect(device.hostSignals).toBe(own.length);
      expect(device.line).toMatchObject({ injections: own.length, completions: own.length });
      expect(own.filter(({ takenNs }) => takenNs !== null).length).toBe(device.handlerEntries);
      expect(json.firmware[device.label.toLowerCase()]).toBe(device.handlerEntries);
      for (const { triggerNs, upNs, takenNs, eoiNs, eoiBy } of own) {
        expect(upNs).toBeGreaterThanOrEqual(triggerNs);
        expect(eoiNs).toBeGreaterThan(upNs);
        if (takenNs !== null) expect(takenNs).toBeGreaterThanOrEqual(upNs);
        expect(eoiBy?.register).toMatch(/^(RTC|GPIO|UART)/);
      }
      const { min, median, max } = device.triggerToEoiNs;
      expect(min <= median && median <= max).toBe(true);
      const registers = Object.values(device.accesses.registers);
      expect(registers.reduce((sum, { reads }) => sum + reads, 0)).toBe(device.accesses.reads);
      expect(registers.reduce((sum, { writes }) => sum + writes, 0)).toBe(device.accesses.writes);
    }
  });
});

describe('the options of the demo', () => {
  it('--seed changes when the outside reacts, and nothing else that matters', async () => {
    const [one, two] = await Promise.all([demo(['--seed', '1']), demo(['--seed', '4294967295'])]);
    expect(two.code).toBe(0);
    expect(two.out).not.toBe(one.out);
    expect(widest(two.out)).toBeLessThanOrEqual(80);
  });

  it.each([['--help'], ['-h']])('%s tells about all of them', async (option) => {
    const { code, out, error } = await demo([option]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    for (const name of ['--machine', '--policy', '--seed', '--json', '--help'])
      expect(out).toContain(name);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it.each([
    [['--polices'], '--polices'],
    [['--policy', 'qemo'], '--policy'],
    [['--machine', 'qemu'], '--machine'],
    [['--policy'], '--policy'],
    [['--seed', '-1'], '--seed'],
    [['--seed=1.5'], '--seed'],
    [['--seed', '4294967296'], '--seed'],
    [['--seed='], '--seed'],
    [['--json=yes'], '--json'],
    [['-x'], '-x'],
    [['strict'], 'strict'],
  ])('%j is refused, with a message that names it', async (args, name) => {
    const { code, out, error } = await demo(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain(name);
    expect(error).toContain('--help');
    expect(widest(error)).toBeLessThanOrEqual(80);
  });

  it('colours are for terminals whose user has not said no', () => {
    expect(wantsColour(true, {})).toBe(true);
    expect(wantsColour(true, { NO_COLOR: '' })).toBe(true);
    expect(wantsColour(true, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColour(true, { TERM: 'dumb' })).toBe(false);
    expect(wantsColour(false, {})).toBe(false);
  });
});
