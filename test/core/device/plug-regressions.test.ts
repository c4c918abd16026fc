import { describe, expect, onTestFinished, test } from 'vitest';
import type { Machine, MachineCapabilities, MmioHandler } from '../../../host/machines/contract';
import { plug, type Wiring } from '../../../host/machines/plug';
import type { DeviceOptions } from '../../../host/options/options';
import { LineLog } from '../../support/board';
import { coreModule } from '../../support/core';
import { edges, levels, ProbeDevice } from './models';
import { Rig, refusal, SMALL_MEMORY } from './rig';

interface MachineOptions {
  /** Whether it maps devices into its guest. */
  readonly directMapping?: boolean;
  /** Whether it tells of EOIs; it does unless given. */
  readonly reportsEoi?: boolean;
}

/** An address map with a granule of 4 KiB, and interrupt inputs 0 to 31. */
class StrictMachine implements Machine {
  readonly name = 'strict';
  readonly capabilities: MachineCapabilities;
  readonly guestRam = [];
  readonly handlers = new Map<number, MmioHandler>();
  readonly lines = new LineLog();
  readonly polls = new Set<() => void>();
  readonly listeners = new Set<(line: number) => void>();
  /** What setDirectMapping() was called with: '0x1000 off'. */
  readonly switches: string[] = [];
  readonly onEoi?: NonNullable<Machine['onEoi']>;
  wakes = 0;

  constructor(
    readonly clock: Machine['clock'],
    { directMapping = false, reportsEoi = true }: MachineOptions,
  ) {
    this.capabilities = {
      directMapping,
      deterministic: true,
      reportsEoi,
      exactReadWidths: [1, 2, 4],
      exactWriteWidths: [1, 2, 4],
      mmioGranule: 0x1000,
      lines: [0, 31],
      raiseInHandler: 'latched',
    };
    if (!reportsEoi) return;
    this.onEoi = (listener) => {
      this.listeners.add(listener);
      return () => void this.listeners.delete(listener);
    };
  }

  mapMmio(base: number, _size: number, handler: MmioHandler): () => void {
    if (base % 0x1000 !== 0) throw new RangeError('the base is misaligned');
    if (this.handlers.has(base)) throw new RangeError('the range is taken');
    this.handlers.set(base, handler);
    return () => void this.handlers.delete(base);
  }

  line(number: number) {
    if (number > 31) throw new RangeError(`there is no input ${number}`);
    return { ...this.lines.target(number), pulse() {} };
  }

  onSafePoint(poll: () => void): () => void {
    this.polls.add(poll);
    return () => void this.polls.delete(poll);
  }

  wake(): void {
    this.wakes++;
  }

  setDirectMapping(handler: MmioHandler, on: boolean): void {
    const found = [...this.handlers].filter(([, other]) => other === handler);
    const base = found.map(([at]) => `0x${at.toString(16)}`).join('+');
    this.switches.push(`${base} ${on ? 'on' : 'off'}`);
  }

  poll(): void {
    for (const poll of this.polls) poll();
  }
}

const WIRING: Wiring = { regions: { 0: 0x1000 }, lines: { 0: 7 }, core: coreModule };

function ready(options: MachineOptions = {}) {
  const rig = new Rig();
  const machine = new StrictMachine(rig.clock, options);
  const add = (name: string, lines: ('edge' | 'level')[]) =>
    rig.add(new ProbeDevice({ lines, regions: [{ size: 0x1000 }, { size: 0x1000 }] }), {}, name);
  const plugIn = async (host: string, wiring: Partial<Wiring>, device: DeviceOptions = {}) => {
    const all = { host, memoryBytes: SMALL_MEMORY, ...device };
    const plugged = await plug(rig.host, all, machine, { ...WIRING, ...wiring });
    onTestFinished(plugged.unplug);
    return plugged;
  };
  return { rig, machine, add, plugIn };
}

describe('plug', () => {
  test('wakes the machine for a level line that is high already', async () => {
    const { rig, machine, plugIn } = ready();
    // Opening resets what can be reset, and that would lower the line.
    const placed = rig.add(new ProbeDevice({ lines: levels(1), resettable: false }));
    placed.setLine(0, true);
    const { unplug } = await plugIn('dev', {});
    expect(machine.wakes).toBe(1);
    machine.poll();
    expect(machine.lines.take()).toEqual(['+7']);
    unplug();
  });

  test.each([
    ['for EOIs that the machine does not report', {}, undefined, /line 0.*'irqchip'.*EOI/],
    ['at a base that is taken', { regions: { 0: 0x3000, 1: 0x2000 } }, 'taken', /region 1.*0x2000/],
    [
      'at a misaligned base',
      { regions: { 0: 0x3000, 1: 0x4004 } },
      'misaligned',
      /region 1.*0x4004/,
    ],
    [
      'to an input that is not there',
      { lines: { 0: 7, 1: 99 } },
      'no input 99',
      /line 1.*input 99/,
    ],
  ])('%s is refused with the reason and leaves nothing', async (_, wiring, cause, message) => {
    const { rig, machine, add, plugIn } = ready({ reportsEoi: cause !== undefined });
    add('dev', levels(2));
    const other = { read: () => 0, write() {} };
    machine.mapMmio(0x2000, 0x1000, other);
    const options: DeviceOptions = { eoi: { default: 'irqchip' } };
    const error = await refusal(plugIn('dev', wiring, options));
    expect(error).toMatchObject({ code: 'MACHINE', device: 'dev' });
    expect(error.message).toMatch(message);
    const reason = error.cause instanceof Error ? error.cause.message : error.cause;
    if (cause === undefined) expect(reason).toBeUndefined();
    else expect(reason).toContain(cause);
    expect([...machine.handlers.values()]).toEqual([other]);
    expect([machine.polls.size, machine.listeners.size]).toEqual([0, 0]);
    const { fds, eventfds, watches, mappings } = rig.resources;
    expect([fds, eventfds, watches, mappings]).toEqual([0, 0, 0, 0]);
    // And the device can be plugged in at once.
    (await plugIn('dev', {})).unplug();
  });

  test('lets a machine without EOI reports have lines with another EOI source', async () => {
    const { machine, add, plugIn } = ready({ reportsEoi: false });
    const placed = add('dev', levels(2));
    const eoi = { lines: { 1: 'irqchip' } } as const;
    const { unplug } = await plugIn('dev', {}, { eoi });
    placed.setLine(0, true);
    machine.poll();
    expect(machine.lines.take()).toEqual(['+7']);
    unplug();
  });
});

describe('a machine that maps devices into its guest', () => {
  test('is told to switch each mapped region of the device that interrupts, and no other', async () => {
    const { rig, machine, add, plugIn } = ready({ directMapping: true });
    const first = add('first', edges(1));
    const second = add('second', edges(1));
    const plugged = [
      await plugIn('first', { regions: { 0: 0x1000, 1: 0x2000 }, lines: { 0: 1 } }),
      await plugIn('second', { regions: { 1: 0x4000 }, lines: { 0: 2 } }),
    ];
    const take = () => machine.switches.splice(0).sort();
    first.pulse(0);
    machine.poll();
    expect(take()).toEqual(['0x1000 off', '0x2000 off']);
    second.pulse(0);
    machine.poll();
    expect(take()).toEqual(['0x4000 off']);
    machine.handlers.get(0x2000)?.read(0, 4);
    rig.advanceMs(1100);
    expect(take()).toEqual(['0x1000 on', '0x2000 on']);
    machine.handlers.get(0x4000)?.read(0, 4);
    rig.advanceMs(1100);
    expect(take()).toEqual(['0x4000 on']);
    for (const { unplug } of plugged) unplug();
    expect(take()).toEqual([]);
  });

  test('without the capability is not told at all', async () => {
    const { machine, add, plugIn } = ready();
    const placed = add('dev', edges(1));
    const { unplug } = await plugIn('dev', {});
    placed.pulse(0);
    machine.poll();
    expect(machine.lines.take()).toEqual(['+7']);
    expect(machine.switches).toEqual([]);
    unplug();
  });
});
