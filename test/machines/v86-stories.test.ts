import { afterEach, describe, expect, it } from 'vitest';
import type { DeviceEvent } from '../../host/device/events';
import { type PluggedDevice, plug } from '../../host/machines/plug';
import type { DeviceOptions } from '../../host/options/options';
import { Pl031 } from '../../host/sim/models';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { storiesDevices } from './stories-devices';
import { V86Guest, type V86Setup } from './v86-emulator';

const RESULT_MAGIC = 0x454e4f44;
const NAMES = ['9010000.pl031', '9030000.pl061', '9000000.pl011'];
const BASES = [0xfea0_0000, 0xfea0_4000, 0xfea0_8000];
const INPUTS = [5, 10, 11];

let guest: V86Guest | undefined;
afterEach(async () => {
  await guest?.destroy();
  guest = undefined;
});

/** The stories with three devices of a simulated host, which share one block of v86's memory map. */
async function runStories(options: DeviceOptions = {}, setup: V86Setup = {}) {
  guest = await V86Guest.create('stories-pc', setup);
  const { machine } = guest;
  const host = new SimulatedHost({ clock: machine.clock });
  const { pl061, pl011, outside } = storiesDevices(machine.clock);
  const events: DeviceEvent[] = [];
  const plugged: PluggedDevice[] = [];
  const handles = [];
  for (const [index, model] of [new Pl031({ tickNs: 1e6 }), pl061, pl011].entries()) {
    const name = NAMES[index] as string;
    handles.push(host.addDevice({ name, model, bus: 'amba' }));
    plugged.push(
      await plug(host, { host: name, ...options }, machine, {
        regions: { 0: BASES[index] as number },
        lines: { 0: INPUTS[index] as number },
        listener: (event) => events.push(event),
      }),
    );
  }
  const running = guest;
  running.run();
  await running.until(() => running.shared[0] === RESULT_MAGIC);
  const [, failures, rtc, gpio, uart, spurious] = running.shared;
  const lines = plugged.map(({ device }) => device.lines[0]);
  for (const { unplug } of plugged) unplug();
  return {
    said: outside.lines,
    failures,
    handled: [rtc, gpio, uart],
    spurious,
    events,
    lines,
    signals: handles.map((handle) => handle.line(0).signals),
    left: host.kernel.resources(),
  };
}

describe('the stories on a PC', () => {
  it.each<[string, DeviceOptions, V86Setup]>([
    ['with the register rules of the profiles', {}, {}],
    ['interpreted', {}, { disable_jit: true }],
    ['with EOI by any write', { eoi: { lines: { 0: 'write' } } }, {}],
    ['under policy qemu', { policy: 'qemu' }, {}],
    ['through iommufd, pread and pwrite', { iommufd: true, xNoMmap: true }, {}],
    // The UART receives by the wall clock: a host that starves its guest has it overrun, as a board would.
  ])('pass %s', { retry: 1 }, async (_, options, setup) => {
    const run = await runStories(options, setup);
    expect(run.said.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(run).toMatchObject({ failures: 0, spurious: 0, events: [] });
    // How many interrupts the UART needs depends on how fast its characters come.
    expect(run.handled.slice(0, 2)).toEqual([5, 11]);
    expect(run.handled[2]).toBeGreaterThan(10);
    expect(run.said).toContain('rtc alarms=5 masked=1');
    expect(run.said).toContain('gpio rise fall both high low many');
    expect(run.said).toContain('echo hello');
    expect(run.said.at(-1)).toBe(`DONE rtc=5 gpio=11 uart=${run.handled[2]} spurious=0 failures=0`);
    for (const [index, line] of run.lines.entries()) {
      expect(line).toMatchObject({ state: 'inactive', up: false, waiting: 0 });
      const signals = run.signals[index];
      expect(line?.statistics).toMatchObject({
        signals,
        injections: signals,
        completions: signals,
        unmaskFailures: 0,
      });
    }
    expect(run.left).toEqual({ fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 });
  });
});
