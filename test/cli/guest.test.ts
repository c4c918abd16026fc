import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BoardDevice } from '../../host/cli/simulated/sample-board';
import { Pl011, Pl031, Pl061 } from '../../host/sim/models';
import { Desk } from './fixture';

const image = new Uint8Array(readFileSync(new URL('../../firmware/stories.bin', import.meta.url)));
const base = { bus: 'amba', hostDriver: undefined, vfio: true } as const;

/** The board of firmware/stories.bin; a fast clock, so that a test need not wait for seconds. */
const stories: readonly BoardDevice[] = [
  { ...base, name: 'rtc', group: 0, model: () => new Pl031({ tickNs: 200_000 }) },
  { ...base, name: 'gpio', group: 1, model: () => new Pl061() },
  { ...base, name: 'uart', group: 2, model: (serial) => new Pl011({ onTransmit: serial }) },
];
const devices = [
  ...['-d', 'rtc,region0=0x60000000,line0=20'],
  ...['-d', 'gpio,region0=0x60004000,line0=21'],
  ...['-d', 'uart,region0=0x60008000,line0=22'],
];

function desk(): Desk {
  const made = new Desk({ board: stories });
  made.terminal.files.files.set('stories.bin', image);
  return made;
}

describe('run', () => {
  it('boots a guest that uses the devices, and prints what it sends', async () => {
    const { code, out, error } = await desk().run(
      'run',
      'stories.bin',
      ...devices,
      '--until',
      'masked=1\n',
    );
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('id pl031=00041031');
    expect(out).toMatch(/rtc alarms=\d+ masked=1\n/);
    expect(out).toMatch(/ms of guest time; the text came\n/);
    expect(out).toMatch(/line 0: (\d+) signals, \1 injections, \1 completions/);
  });

  it('gives the same to programs, each time the same', async () => {
    const one = await desk().json('run', 'stories.bin', ...devices, '--until', 'masked=1\n');
    const two = await desk().json('run', 'stories.bin', ...devices, '--until', 'masked=1\n');
    expect(one).toEqual(two);
    expect(one.data).toMatchObject({
      schema: 'vfio-platform-wasm/cli/run/1',
      machine: 'rp2040js',
      end: 'stopped',
      untilFound: true,
      devices: [{ name: 'rtc', failed: 0 }, { name: 'gpio' }, { name: 'uart' }],
    });
    expect(one.data.serial).toContain('rtc alarms=');
  });

  it('ends at its limit, which is an error only where a text was awaited', async () => {
    const limit = ['--limit', '0.01'];
    expect((await desk().run('run', 'stories.bin', ...limit)).code).toBe(0);
    const missed = await desk().run('run', 'stories.bin', ...limit, '--until', 'never');
    expect(missed.code).toBe(7);
    expect(missed.out).toContain('the limit of time was reached');
  });

  it('ends at Ctrl-C, with everything closed', async () => {
    const it = desk();
    const { terminal, system } = it;
    const before = system.host.kernel.resources();
    setImmediate(() => terminal.interrupt());
    const { code, data } = await it.json('run', 'stories.bin', ...devices);
    expect(code).toBe(130);
    expect(data.end).toBe('interrupted');
    expect(system.host.kernel.resources()).toEqual(before);
  });

  it('takes options of the device as QEMU writes them', async () => {
    const spec = 'rtc,region0=0x60000000,line0=20,x-no-mmap,policy=qemu,mmap-timeout-ms=5,dma=off';
    expect((await desk().run('run', 'stories.bin', '-d', spec, '--limit', '0.01')).code).toBe(0);
  });

  it.each([
    [['none.bin'], 3, 'there is no file none.bin'],
    [['stories.bin', '-d', 'ghost,region0=0'], 3, "no device 'ghost'"],
    [['stories.bin', '-d', 'region0=0'], 2, 'does not begin with the name of a device'],
    [['stories.bin', '-d', 'rtc,x-no-map'], 2, "did you mean 'xNoMmap'?"],
    [['stories.bin', '-d', 'rtc,region0=everywhere'], 2, 'must be a whole number'],
    [['stories.bin', '-d', 'rtc,region0=0x20000000'], 1, 'the machine cannot map region 0'],
    [['stories.bin', '-d', 'rtc,line0=99'], 1, 'the machine cannot give line 0 its input 99'],
    [['stories.bin', '-d', 'rtc', '-d', 'rtc'], 5, 'already attached'],
    [['stories.bin', '--machine', 'vax'], 2, '--machine must be rp2040js'],
    [['short.bin'], 1, 'the image cannot be booted'],
  ])('%j ends with %i: %s', async (args, expected, message) => {
    const it = desk();
    it.terminal.files.files.set('short.bin', Uint8Array.of(1, 2, 3));
    const { system } = it;
    const before = system.host.kernel.resources();
    const { code, error } = await it.run('run', ...args);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
    expect(code).toBe(expected);
    expect(system.host.kernel.resources()).toEqual(before);
  });
});

describe('describe', () => {
  it('prints a device-tree fragment for the guest', async () => {
    const { code, out } = await new Desk().run(
      'describe',
      'pl031',
      ...['--region', '0=0x60000000', '--line', '0=20'],
    );
    expect(code).toBe(0);
    expect(out).toContain('pl031@60000000 {');
    expect(out).toContain('compatible = "arm,pl031", "arm,primecell";');
    expect(out).toContain('reg = <0x0 0x60000000 0x0 0x1000>;');
    expect(out).toMatch(/interrupts = <0 20 4>;/);
  });

  it('places what the user does not place', async () => {
    const { data } = await new Desk().json('describe', 'pl031', '--base', '0x20000000');
    expect(data).toMatchObject({ regions: { 0: 0x20000000 }, lines: { 0: 0 } });
  });

  it('writes an ACPI table', async () => {
    const it = new Desk();
    const { files } = it.terminal.files;
    const { code } = await it.run('describe', 'pl031', '--ssdt', 'rtc.aml');
    expect(code).toBe(0);
    const table = files.get('rtc.aml') ?? new Uint8Array();
    expect(new TextDecoder().decode(table.subarray(0, 4))).toBe('SSDT');
    expect(table.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
    const { data } = await new Desk().json('describe', 'pl031');
    expect(Buffer.from(data.ssdt, 'base64')).toEqual(Buffer.from(table));
  });

  it.each([
    [['--region', '7=0'], 'has no region 7'],
    [['--line', '0'], '--line wants INDEX=NUMBER'],
    [['--hid', 'nonsense'], 'is no ACPI hardware id'],
  ])('refuses %j: %s', async (args, message) => {
    const { code, error } = await new Desk().run('describe', 'pl031', ...args);
    expect([1, 2]).toContain(code);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
  });
});
