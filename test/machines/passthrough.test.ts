import { readFileSync } from 'node:fs';
import { RP2040 } from 'rp2040js';
import { describe, expect, it } from 'vitest';
import type { DeviceEvent } from '../../host/device/events';
import type { Machine, MmioHandler } from '../../host/machines/contract';
import { plug } from '../../host/machines/plug';
import { bootFirmware, Rp2040Machine, runUntil } from '../../host/machines/rp2040js';
import type { DeviceOptions } from '../../host/options/options';
import { type DeviceModel, type ModelWidth, Pl031 } from '../../host/sim/models';
import { SeededRandom } from '../../host/sim/random';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { coreModule } from '../support/core';
import { storiesDevices } from './stories-devices';

const IMAGE = readFileSync(new URL('../../firmware/stories.bin', import.meta.url));
const DEBUG_CORE = new URL('../../.cache/core/debug.wasm', import.meta.url);
const MS = 1e6;
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e4f44;
const BASES = [0x6000_0000, 0x6000_4000, 0x6000_8000];
const INPUTS = [20, 21, 22];
const NAMES = ['9010000.pl031', '9030000.pl061', '9000000.pl011'];

/** The guest's board, without anything that connects the devices to the guest. */
function board() {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const { pl061, pl011, outside } = storiesDevices(machine.clock);
  const models: DeviceModel[] = [new Pl031({ tickNs: MS }), pl061, pl011];
  /** Every access of the guest to a device, with its time and its data. */
  const accesses: string[] = [];
  const watched = (name: string, handler: MmioHandler): MmioHandler => ({
    read(offset, width) {
      const value = handler.read(offset, width);
      accesses.push(`${machine.clock.nowNs()} ${name} read${width} ${offset} ${value}`);
      return value;
    },
    write(offset, width, value) {
      accesses.push(`${machine.clock.nowNs()} ${name} write${width} ${offset} ${value}`);
      handler.write(offset, width, value);
    },
  });
  const run = () => {
    bootFirmware(machine, IMAGE);
    const word = (index: number) => chip.readUint32(RESULT + 4 * index);
    const elapsedNs = runUntil(
      machine,
      () => word(0) === RESULT_MAGIC && chip.core.waiting,
      30_000 * MS,
    );
    const [failures, rtc, gpio, uart, spurious] = [1, 2, 3, 4, 5].map(word);
    return { elapsedNs, said: outside.lines, failures, handled: [rtc, gpio, uart], spurious };
  };
  return { machine, models, accesses, watched, run };
}

/** The stories with the models wired straight to the machine: what a guest would see of real hardware. */
function runDirect() {
  const { machine, models, accesses, watched, run } = board();
  for (const [index, model] of models.entries()) {
    const input = machine.line(INPUTS[index] as number);
    model.connect({
      clock: machine.clock,
      random: new SeededRandom(1),
      dma: { read: () => false, write: () => false },
      setLine: (_, high) => (high ? input.up() : input.down()),
    });
    const handler = watched(NAMES[index] as string, {
      read: (offset, width) => model.read(0, offset, width as ModelWidth),
      write: (offset, width, value) => model.write(0, offset, width as ModelWidth, value),
    });
    machine.mapMmio(BASES[index] as number, 0x1000, handler);
  }
  machine.onSafePoint(() => {});
  return { ...run(), accesses };
}

/** The stories with the same models as devices of a host, passed through. */
async function runPassedThrough(options: DeviceOptions = {}, core = coreModule) {
  const { machine, models, accesses, watched, run } = board();
  const host = new SimulatedHost({ clock: machine.clock });
  const events: DeviceEvent[] = [];
  /** Times that each line was raised at the machine. */
  const raised: number[] = [];
  const handles = [];
  const plugged = [];
  for (const [index, model] of models.entries()) {
    const name = NAMES[index] as string;
    handles.push(host.addDevice({ name, model, bus: 'amba' }));
    const watchedMachine: Machine = {
      name: machine.name,
      capabilities: machine.capabilities,
      clock: machine.clock,
      guestRam: machine.guestRam,
      mapMmio: (base, size, handler) => machine.mapMmio(base, size, watched(name, handler)),
      line: (number) => {
        const line = machine.line(number);
        const up = () => {
          raised[index] = (raised[index] ?? 0) + 1;
          line.up();
        };
        return { up, down: () => line.down(), pulse: () => line.pulse() };
      },
      onSafePoint: (poll) => machine.onSafePoint(poll),
      wake: () => machine.wake(),
      onEoi: (listener) => machine.onEoi(listener),
    };
    plugged.push(
      await plug(host, { host: name, ...options }, watchedMachine, {
        regions: { 0: BASES[index] as number },
        lines: { 0: INPUTS[index] as number },
        listener: (event) => events.push(event),
        core,
      }),
    );
  }
  const result = run();
  const lines = plugged.map(({ device }) => device.lines[0]);
  const statistics = plugged.map(({ device }) => device.statistics);
  const signals = handles.map((handle) => handle.line(0).signals);
  for (const { unplug } of plugged) unplug();
  return {
    ...result,
    accesses,
    events,
    lines,
    statistics,
    signals,
    left: host.kernel.resources(),
    openCounts: handles.map(({ openCount }) => openCount),
    raised,
  };
}

type Run = Awaited<ReturnType<typeof runPassedThrough>>;

const HANDLED = [5, 11, 44];

function expectGoodRun(run: Run): void {
  expect(run.said.filter((line) => line.startsWith('FAIL'))).toEqual([]);
  expect(run.said).toContain('rtc alarms=5 masked=1');
  expect(run.said).toContain('gpio rise fall both high low many');
  expect(run.said).toContain('echo hello');
  expect(run).toMatchObject({ failures: 0, spurious: 0, handled: HANDLED });
  const [rtc, gpio, uart] = HANDLED;
  expect(run.said.at(-1)).toBe(`DONE rtc=${rtc} gpio=${gpio} uart=${uart} spurious=0 failures=0`);

  expect(run.events).toEqual([]);
  for (const [index, line] of run.lines.entries()) {
    expect(line).toMatchObject({
      armed: 'user',
      state: 'inactive',
      up: false,
      retrying: false,
      stuck: false,
      waiting: 0,
    });
    const count = run.signals[index] as number;
    expect(line?.statistics).toMatchObject({
      signals: count,
      injections: count,
      completions: count,
      coalesced: 0,
      spurious: 0,
      unexpected: 0,
      unmaskFailures: 0,
      stalls: 0,
    });
    expect(run.raised[index]).toBe(count);
    expect(count).toBeGreaterThanOrEqual(HANDLED[index] as number);
    expect(run.statistics[index]).toMatchObject({ failed: 0, refused: 0, unmaskRetries: 0 });
  }
  const trapped = run.statistics.reduce((sum, { reads, writes }) => sum + reads + writes, 0);
  expect(trapped).toBe(run.accesses.length);

  expect(run.left).toEqual({ fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 });
  expect(run.openCounts).toEqual([0, 0, 0]);
}

const eoi = (source: 'access' | 'write' | 'irqchip'): DeviceOptions => ({
  eoi: { lines: { 0: source } },
});

describe('the firmware stories on devices that are passed through', () => {
  it('pass with the register rules of the profiles, without a spurious interrupt', async () => {
    const run = await runPassedThrough();
    expectGoodRun(run);
    expect(run.lines.map((line) => line?.eoi)).toEqual(['register', 'register', 'register']);
    // The GPIO handler of 7 edges writes GPIOIE before GPIOIC: the line comes up again in between.
    expect(run.raised).toEqual([5, 11 + 7, 44]);
  });

  it('need exactly one injection each when the guest completes lines at its irqchip', async () => {
    const run = await runPassedThrough(eoi('irqchip'));
    expectGoodRun(run);
    expect(run.lines.map((line) => line?.eoi)).toEqual(['irqchip', 'irqchip', 'irqchip']);
    expect(run.raised).toEqual(HANDLED);
  });

  it.each(['write', 'access'] as const)('pass with EOI by any %s', async (source) => {
    const run = await runPassedThrough(eoi(source));
    expectGoodRun(run);
    expect(run.lines.map((line) => line?.eoi)).toEqual([source, source, source]);
  });

  it('pass without a profile', async () => {
    const run = await runPassedThrough({ profile: null });
    expectGoodRun(run);
    expect(run.lines.map((line) => line?.eoi)).toEqual(['access', 'access', 'access']);
  });

  it('pass under policy qemu, with the injections of EOI by any access', async () => {
    const run = await runPassedThrough({ policy: 'qemu' });
    expectGoodRun(run);
    expect(run.raised).toEqual((await runPassedThrough(eoi('access'))).raised);
  });

  it.each<[string, DeviceOptions]>([
    ['pread and pwrite', { xNoMmap: true }],
    ['iommufd', { iommufd: true }],
    [
      'iommufd, pread and pwrite, under policy qemu',
      { iommufd: true, xNoMmap: true, policy: 'qemu' },
    ],
  ])('pass through %s', async (_, options) => {
    expectGoodRun(await runPassedThrough(options));
  });

  it('pass with the invariants of the core checked at every step', async () => {
    const debugCore = new WebAssembly.Module(readFileSync(DEBUG_CORE));
    for (const options of [{}, eoi('access'), eoi('irqchip'), { policy: 'qemu' } as const]) {
      expectGoodRun(await runPassedThrough(options, debugCore));
    }
  });

  it.each<[string, DeviceOptions]>([
    ['register rules', {}],
    ['the irqchip', eoi('irqchip')],
    ['any write', eoi('write')],
    ['policy qemu', { policy: 'qemu' }],
  ])(
    'look to the guest like devices of its own, with %s: every access, to the nanosecond',
    async (_, options) => {
      const direct = runDirect();
      const run = await runPassedThrough(options);
      expect(run.elapsedNs).toBe(direct.elapsedNs);
      expect(run.accesses.length).toBe(direct.accesses.length);
      expect(run.accesses.join('\n') === direct.accesses.join('\n')).toBe(true);
    },
  );
});
