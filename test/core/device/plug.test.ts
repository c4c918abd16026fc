import { describe, expect, onTestFinished, test } from 'vitest';
import type { Machine, MmioHandler } from '../../../host/machines/contract';
import { plug, type Wiring } from '../../../host/machines/plug';
import type { DeviceOptions } from '../../../host/options/options';
import { LineLog } from '../../support/board';
import { coreModule } from '../../support/core';
import { levels, ProbeDevice } from './models';
import { Rig, refusal } from './rig';

/** The least machine: an address map and interrupt inputs that are noted. */
class PlainMachine implements Machine {
  readonly name = 'plain';
  readonly capabilities = {
    directMapping: false,
    deterministic: true,
    reportsEoi: true,
    exactReadWidths: [1, 2, 4],
    exactWriteWidths: [1, 2, 4],
    mmioGranule: 4,
    lines: [0, 31] as const,
    raiseInHandler: 'latched' as const,
  };
  readonly guestRam = [];
  readonly handlers = new Map<number, MmioHandler>();
  readonly lines = new LineLog();
  readonly polls = new Set<() => void>();
  readonly listeners = new Set<(line: number) => void>();
  wakes = 0;

  constructor(readonly clock: Machine['clock']) {}

  mapMmio(base: number, _size: number, handler: MmioHandler): () => void {
    if (this.handlers.has(base)) throw new Error('that range is taken');
    this.handlers.set(base, handler);
    return () => void this.handlers.delete(base);
  }

  line(number: number) {
    if (number > 31) throw new Error(`there is no input ${number}`);
    return { ...this.lines.target(number), pulse() {} };
  }

  onSafePoint(poll: () => void): () => void {
    this.polls.add(poll);
    return () => void this.polls.delete(poll);
  }

  onEoi(listener: (line: number) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  wake(): void {
    this.wakes++;
  }
}

const WIRING: Wiring = { regions: { 0: 0x1000 }, lines: { 0: 7 }, core: coreModule };

function ready() {
  const rig = new Rig();
  const placed = rig.add(new ProbeDevice({ lines: levels(2) }));
  const machine = new PlainMachine(rig.clock);
  const plugIn = async (wiring = WIRING, options: DeviceOptions = {}) => {
    const all = { host: 'dev', memoryBytes: 0x200000, ...options };
    const plugged = await plug(rig.host, all, machine, wiring);
    onTestFinished(plugged.unplug);
    return plugged;
  };
  return { rig, placed, machine, plugIn };
}

function handlerAt(machine: PlainMachine, base: number): MmioHandler {
  const handler = machine.handlers.get(base);
  if (!handler) throw new Error('nothing is mapped there');
  return handler;
}

describe('a device in a machine', () => {
  test('appears in its address map and at its interrupt inputs', async () => {
    const { placed, machine, plugIn } = ready();
    const { unplug } = await plugIn();
    expect(handlerAt(machine, 0x1000).read(4, 2)).toBe(0x0504);
    placed.setLine(0, true);
    expect(machine.wakes).toBe(1);
    for (const poll of machine.polls) poll();
    expect(machine.lines.take()).toEqual(['+7']);
    unplug();
  });

  test.each([
    [1, 0xff],
    [2, 0xffff],
    [4, 0xffffffff],
  ])('reads of %i bytes that fail are ones of that width', async (width, ones) => {
    const { placed, machine, plugIn } = ready();
    const { unplug } = await plugIn(WIRING, { xNoMmap: true });
    placed.faults.inject({ call: 'pread', errno: 5 });
    expect(handlerAt(machine, 0x1000).read(0, width)).toBe(ones);
    unplug();
  });

  test('sees a level line that is still high after its EOI at once', async () => {
    const { placed, machine, plugIn } = ready();
    const { unplug } = await plugIn();
    placed.setLine(0, true);
    for (const poll of machine.polls) poll();
    handlerAt(machine, 0x1000).write(0, 4, 1);
    expect(machine.lines.take()).toEqual(['+7', '-7', '+7']);
    unplug();
  });

  test('learns of EOIs from the interrupt controller', async () => {
    const { placed, machine, plugIn } = ready();
    const { unplug } = await plugIn(WIRING, { eoi: { lines: { 0: 'irqchip' } } });
    placed.setLine(0, true);
    for (const poll of machine.polls) poll();
    placed.setLine(0, false);
    for (const listener of machine.listeners) listener(7);
    expect(machine.lines.take()).toEqual(['+7', '-7']);
    unplug();
  });

  test('is gone from the machine after unplug, which may be called twice', async () => {
    const { rig, machine, plugIn } = ready();
    const { device, unplug } = await plugIn();
    unplug();
    unplug();
    expect(device.closed).toBe(true);
    expect([machine.handlers.size, machine.polls.size, machine.listeners.size]).toEqual([0, 0, 0]);
    expect(rig.resources.fds).toBe(0);
  });
});

describe('plugging that fails', () => {
  test('for a region that is not there leaves nothing', async () => {
    const { rig, machine, plugIn } = ready();
    const error = await refusal(plugIn({ ...WIRING, regions: { 0: 0x1000, 5: 0x2000 } }));
    expect(error).toMatchObject({ code: 'NO_SUCH_REGION', device: 'dev' });
    expect(machine.handlers.size).toBe(0);
    expect(rig.resources.fds).toBe(0);
  });

  test.each([
    ['a line that is not there', { ...WIRING, lines: { 0: 7, 9: 8 } }],
    ['an input that is not there', { ...WIRING, lines: { 0: 7, 1: 99 } }],
  ])('for %s leaves nothing', async (_, wiring) => {
    const { rig, machine, plugIn } = ready();
    await expect(plugIn(wiring)).rejects.toThrow();
    expect(machine.handlers.size).toBe(0);
    expect(rig.resources.fds).toBe(0);
  });

  test('because the range is taken leaves nothing and works elsewhere', async () => {
    const { rig, machine, plugIn } = ready();
    const end = machine.mapMmio(0x1000, 4, { read: () => 0, write() {} });
    await expect(plugIn()).rejects.toThrow('taken');
    expect(rig.resources.fds).toBe(0);
    end();
    (await plugIn()).unplug();
  });
});
