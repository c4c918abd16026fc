import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConsoleLogger, LogLevel, RP2040 } from 'rp2040js';
import { describe, expect, it } from 'vitest';
import { plug } from '../../host/machines/plug';
import { bootFirmware, type KeptState, Rp2040Machine, runFor } from '../../host/machines/rp2040js';
import { MemoryDevice, SimulatedHost } from '../../host/sim';

const firmware = new Uint8Array(readFileSync('firmware/stories.bin'));

/** All that can be reached from a chip, as one digest. */
function digest(root: object): string {
  const hash = createHash('sha256');
  const numbers = new Map<object, number>();
  const waiting: unknown[] = [root];
  const place = (value: unknown): string => {
    if (typeof value === 'function') return 'f';
    if (typeof value !== 'object' || value === null) return `${typeof value}:${String(value)}`;
    if (!numbers.has(value)) {
      numbers.set(value, numbers.size);
      waiting.push(value);
    }
    return `#${numbers.get(value)}`;
  };
  place(root);
  waiting.shift();
  for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
    if (ArrayBuffer.isView(each)) {
      hash.update(new Uint8Array(each.buffer, each.byteOffset, each.byteLength));
      continue;
    }
    const object = each as Record<string, unknown>;
    const values = each instanceof Set || each instanceof Map ? [...each].flat() : [];
    const fields = Object.keys(object).sort();
    hash.update(fields.map((name) => `${name}=${place(object[name])}`).join());
    hash.update(values.map(place).join());
  }
  return hash.digest('hex');
}

function bootedChip() {
  const chip = new RP2040();
  chip.logger = new ConsoleLogger(LogLevel.Error, false);
  const machine = new Rp2040Machine(chip);
  bootFirmware(machine, firmware);
  return { chip, machine };
}

describe('the kept state of an rp2040js chip', () => {
  it('is the whole chip: from each place it goes on to the same last bit', () => {
    const { chip, machine } = bootedChip();
    const kept: { state: KeptState; now: string }[] = [];
    const views: string[] = [];
    for (let i = 0; i < 6; i++) {
      kept.push({ state: machine.keepState(), now: digest(chip) });
      runFor(machine, 300_000);
      views.push(digest(chip));
    }
    expect(new Set(views).size).toBe(views.length);
    for (const at of [3, 5, 0, 0, 4]) {
      kept[at]?.state.restore();
      expect(digest(chip)).toBe(kept[at]?.now);
      runFor(machine, 300_000);
      expect(digest(chip)).toBe(views[at]);
    }
  });

  it('brings timers back, with handles that work, and takes later ones away', () => {
    const { machine } = bootedChip();
    const fired: string[] = [];
    const first = machine.clock.setTimer(5_000, () => fired.push('first'));
    machine.clock.setTimer(6_000, () => fired.push('second'));
    const state = machine.keepState();
    machine.clock.setTimer(1_000, () => fired.push('later'));
    runFor(machine, 10_000);
    expect(fired.splice(0)).toEqual(['later', 'first', 'second']);
    state.restore();
    runFor(machine, 10_000);
    expect(fired.splice(0)).toEqual(['first', 'second']);
    state.restore();
    first.cancel();
    runFor(machine, 10_000);
    expect(fired).toEqual(['second']);
  });

  it('has the interrupt inputs that devices hold, and leaves devices plugged in', async () => {
    const { chip, machine } = bootedChip();
    const host = new SimulatedHost({ clock: machine.clock });
    const model = new MemoryDevice({ lines: ['level'] });
    const placed = host.addDevice({ name: 'dev', model });
    const low = machine.keepState();
    const { unplug } = await plug(host, { host: 'dev' }, machine, {
      regions: { 0: 0x60000000 },
      lines: { 0: 20 },
    });
    placed.setLine(0, true);
    runFor(machine, 50_000);
    const pending = () => (chip.core.pendingInterrupts >>> 20) & 1;
    expect(pending()).toBe(1);
    const high = machine.keepState();
    low.restore();
    expect(pending()).toBe(0);
    chip.writeUint32(0x60000008, 0x4321);
    expect(chip.readUint32(0x60000008)).toBe(0x4321);
    high.restore();
    expect(pending()).toBe(1);
    chip.writeUint32(0x60000008, 0x1234);
    expect(chip.readUint32(0x60000008)).toBe(0x1234);
    unplug();
    // A device that is gone does not come back with the state.
    high.restore();
    expect(chip.readUint32(0x60000008)).toBe(0xffffffff);
    machine.detach();
  });

  it('keeps what is in the flash, and pages that do not change only once', () => {
    const { chip, machine } = bootedChip();
    const before = machine.keepState();
    chip.flash[0x123456] = 7;
    const after = machine.keepState();
    before.restore();
    expect(chip.flash[0x123456]).toBe(0xff);
    after.restore();
    expect(chip.flash[0x123456]).toBe(7);
    const used = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 20; i++) machine.keepState();
    // Twenty flashes would be 320 MiB.
    expect(process.memoryUsage().arrayBuffers - used).toBeLessThan(0x2000000);
  });

  it('is refused while a PIO runs', () => {
    const { chip, machine } = bootedChip();
    (chip.pio[0] as { stopped: boolean }).stopped = false;
    expect(() => machine.keepState()).toThrow('PIO');
  });
});
