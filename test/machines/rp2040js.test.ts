import { RP2040, Simulator } from 'rp2040js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { MmioHandler } from '../../host/machines/contract';
import {
  bootFirmware,
  GuestRunError,
  Rp2040Machine,
  runFor,
  runUntil,
  runUntilPaced,
} from '../../host/machines/rp2040js';
import { BusGuest, type GuestAccess, Idle } from './bus-guest';

const BASE = 0x6000_0000;
const US = 1e3;
const MS = 1e6;

/** Answers reads with the offset and the width, and notes everything. */
class Recorder implements MmioHandler {
  readonly seen: string[] = [];

  read(offset: number, width: number): number {
    this.seen.push(`r${8 * width} ${offset.toString(16)}`);
    return (0xa5b6c7d8 ^ offset) & (2 ** (8 * width) - 1);
  }

  write(offset: number, width: number, value: number): void {
    this.seen.push(`w${8 * width} ${offset.toString(16)} ${value.toString(16)}`);
  }
}

const NOBODY: MmioHandler = { read: () => 0, write: () => {} };

const read = (width: 1 | 2 | 4, address: number): GuestAccess => ({
  direction: 'read',
  width,
  address,
});
const write = (width: 1 | 2 | 4, address: number, value: number): GuestAccess => ({
  direction: 'write',
  width,
  address,
  value,
});

function problemOf(run: () => void): GuestRunError {
  try {
    run();
  } catch (error) {
    if (error instanceof GuestRunError) return error;
    throw error;
  }
  throw new Error('the run did not end with an error');
}

describe('accesses of the guest', () => {
  it.each(['0', '1000', '2000', '3000', '234', '1234', '2ff8', '3ff8'])(
    'arrive with their own width, offset and value at 0x%s',
    (offset) => {
      const at = Number.parseInt(offset, 16);
      const guest = new BusGuest();
      const device = new Recorder();
      guest.machine.mapMmio(BASE, 0x4000, device);
      const a = BASE + at;
      const accesses = [
        ...[0, 1, 2, 3].map((i) => read(1, a + i)),
        ...[0, 2].map((i) => read(2, a + i)),
        read(4, a),
        ...[0, 1, 2, 3].map((i) => write(1, a + i, 0x81 + i)),
        ...[0, 2].map((i) => write(2, a + i, 0x8001 + i)),
        write(4, a + 4, 0x89abcdef),
      ];
      guest.boot({ accesses }).finish();
      const hex = (i: number) => (at + i).toString(16);
      expect(device.seen).toEqual([
        ...[0, 1, 2, 3].map((i) => `r8 ${hex(i)}`),
        ...[0, 2].map((i) => `r16 ${hex(i)}`),
        `r32 ${hex(0)}`,
        ...[0, 1, 2, 3].map((i) => `w8 ${hex(i)} ${(0x81 + i).toString(16)}`),
        ...[0, 2].map((i) => `w16 ${hex(i)} ${(0x8001 + i).toString(16)}`),
        `w32 ${hex(4)} 89abcdef`,
      ]);
      accesses.forEach((access, index) => {
        if (access.direction === 'write') return;
        const all = (0xa5b6c7d8 ^ (access.address - BASE)) >>> 0;
        expect(guest.result(index)).toBe(access.width === 4 ? all : all % 2 ** (8 * access.width));
      });
      expect(guest.log).toEqual([]);
    },
  );

  it('reach the device of their 4 KiB page, with offsets from its base', () => {
    const guest = new BusGuest();
    const devices = [new Recorder(), new Recorder(), new Recorder()];
    guest.machine.mapMmio(BASE + 0x1000, 0x1000, devices[0] as Recorder);
    guest.machine.mapMmio(BASE + 0x2000, 0x1000, devices[1] as Recorder);
    // Across the boundary of two of rp2040js's slots.
    guest.machine.mapMmio(BASE + 0x3000, 0x6000, devices[2] as Recorder);
    const accesses = [0x1000, 0x1ffc, 0x2004, 0x3000, 0x4000, 0x7abc, 0x8ffc].flatMap((offset) => [
      read(4, BASE + offset),
      write(1, BASE + offset + 1, 1),
    ]);
    guest.boot({ accesses }).finish();
    expect(devices.map((device) => device.seen)).toEqual([
      ['r32 0', 'w8 1 1', 'r32 ffc', 'w8 ffd 1'],
      ['r32 4', 'w8 5 1'],
      [
        'r32 0',
        'w8 1 1',
        'r32 1000',
        'w8 1001 1',
        'r32 4abc',
        'w8 4abd 1',
        'r32 5ffc',
        'w8 5ffd 1',
      ],
    ]);
  });

  it('are left to the emulator where nothing is mapped', () => {
    const plain = new BusGuest();
    const shared = new BusGuest();
    const device = new Recorder();
    shared.machine.mapMmio(BASE + 0x1000, 0x1000, device);
    const reads = [
      read(4, BASE),
      read(2, BASE + 2),
      read(1, BASE + 0x2003),
      read(4, BASE + 0x3ffc),
      read(4, BASE + 0x4000),
      // SSI, SIO and the chip's own id are not ours to change.
      read(4, 0x1800_0028),
      read(4, 0x4000_0000),
      read(4, 0xd000_0000),
      read(1, 0x1000_0000),
      read(2, 0x2000_0004),
    ];
    for (const guest of [plain, shared]) guest.boot({ accesses: reads }).finish();
    reads.forEach((_, index) => {
      expect(shared.result(index)).toBe(plain.result(index));
    });
    expect(shared.result(0)).toBe(0xffffffff);
    expect(shared.result(1)).toBe(0xffff);
    expect(shared.result(2)).toBe(0xff);
    expect(shared.log).toEqual(plain.log);

    const other = new BusGuest();
    other.machine.mapMmio(BASE + 0x1000, 0x1000, device);
    const writes = [write(4, BASE, 1), write(2, BASE + 2, 1), write(1, BASE + 0x2003, 1)];
    other.boot({ accesses: writes }).finish();
    expect(device.seen).toEqual([]);
    expect(other.log.length).toBe(3);
  });

  it('of the host itself, misaligned across the end of a device, read ones and write nothing', () => {
    const { chip, machine } = new BusGuest();
    const device = new Recorder();
    machine.mapMmio(BASE, 0x1000, device);
    expect(chip.readUint16(BASE + 0xfff)).toBe(0xffff);
    expect(chip.readUint32(BASE + 0xffe)).toBe(0xffffffff);
    chip.writeUint16(BASE + 0xfff, 1);
    chip.writeUint32(BASE + 0xffd, 1);
    expect(device.seen).toEqual([]);
  });
});

describe('mapping', () => {
  it('leaves the chip as it was when it ends', () => {
    const { chip, machine } = new BusGuest();
    const before = { own: Object.keys(chip), slots: Object.keys(chip.peripherals) };
    const first = machine.mapMmio(BASE + 0x1000, 0x1000, NOBODY);
    const second = machine.mapMmio(BASE + 0x2000, 0x8000, NOBODY);
    expect(Object.keys(chip)).not.toEqual(before.own);
    first();
    first();
    expect(chip.readUint8(BASE + 0x1000)).toBe(0xff);
    expect(chip.readUint8(BASE + 0x2000)).toBe(0);
    second();
    expect(Object.keys(chip)).toEqual(before.own);
    expect(Object.keys(chip.peripherals)).toEqual(before.slots);
    expect(chip.readUint8).toBe(RP2040.prototype.readUint8);
    expect(chip.readUint32(BASE + 0x2000)).toBe(0xffffffff);
  });

  it('puts back what somebody else had put there before', () => {
    const { chip, machine } = new BusGuest();
    const theirs = vi.fn(() => 7);
    chip.readUint8 = theirs;
    const unmap = machine.mapMmio(BASE, 0x1000, NOBODY);
    expect(chip.readUint8(BASE)).toBe(0);
    expect(chip.readUint8(0)).toBe(7);
    unmap();
    expect(chip.readUint8).toBe(theirs);
  });

  it('steps aside for what somebody else has put on top meanwhile', () => {
    const { chip, machine } = new BusGuest();
    const unmap = machine.mapMmio(BASE, 0x1000, NOBODY);
    const ours = chip.readUint8;
    const theirs = (address: number) => ours.call(chip, address);
    chip.readUint8 = theirs;
    unmap();
    expect(chip.readUint8).toBe(theirs);
    expect(chip.readUint8(BASE)).toBe(0xff);
  });

  it.each([
    ['multiples of 4 KiB', BASE + 0x800, 0x1000],
    ['multiples of 4 KiB', BASE, 0x800],
    ['multiples of 4 KiB', BASE, 0],
    ['multiples of 4 KiB', BASE, Number.NaN],
    ['not within', 0x2000_0000, 0x1000],
    ['not within', 0xcfff_f000, 0x2000],
    ['not within', -0x1000, 0x1000],
    ['another device', BASE + 0x3000, 0x1000],
    ['another device', BASE, 0x10000],
    ['the chip has a peripheral', 0x4003_4000, 0x1000],
    ['the chip has a peripheral', 0x5010_1000, 0x1000],
  ])('is refused: %s', (reason, base, size) => {
    const { chip, machine } = new BusGuest();
    machine.mapMmio(BASE + 0x3000, 0x2000, NOBODY);
    const slots = Object.keys(chip.peripherals);
    expect(() => machine.mapMmio(base, size, NOBODY)).toThrow(reason);
    expect(Object.keys(chip.peripherals)).toEqual(slots);
  });

  it('is possible again where a mapping has ended', () => {
    const { chip, machine } = new BusGuest();
    machine.mapMmio(BASE, 0x1000, NOBODY)();
    machine.mapMmio(BASE, 0x2000, { read: () => 5, write: () => {} });
    expect(chip.readUint16(BASE + 0x1000)).toBe(5);
  });
});

describe('lines 0 … 25', () => {
  it('interrupt as long as they are high', () => {
    const guest = new BusGuest();
    const line = guest.machine.line(20);
    let acknowledged = 0;
    guest.machine.mapMmio(BASE, 0x1000, {
      read: () => 0,
      write: () => {
        acknowledged++;
        if (acknowledged === 5) line.down();
      },
    });
    guest.boot({ enable: [20], idle: Idle.spin, clear: { 20: BASE } }).finish();
    line.up();
    line.up();
    runFor(guest.machine, MS);
    expect(guest.handled(20)).toBe(5);
    line.up();
    line.down();
    runFor(guest.machine, MS);
    expect(guest.handled(20)).toBe(5);
  });

  it('interrupt once for a pulse, asleep or busy', () => {
    for (const idle of [Idle.sleep, Idle.spin]) {
      const guest = new BusGuest();
      guest.boot({ enable: [3, 25], idle }).finish();
      runFor(guest.machine, 10 * US);
      for (let round = 1; round <= 3; round++) {
        guest.machine.line(3).pulse();
        guest.machine.line(25).pulse();
        runFor(guest.machine, 100 * US);
        expect([guest.handled(3), guest.handled(25)]).toEqual([round, round]);
      }
    }
  });

  it('keep a pulse until the guest enables the input, and a level through it', () => {
    const guest = new BusGuest();
    guest.machine.line(7).pulse();
    guest.machine.line(7).down();
    guest.boot({ enable: [7], idle: Idle.sleep }).finish();
    runFor(guest.machine, 100 * US);
    expect(guest.handled(7)).toBe(1);

    guest.machine.line(7).pulse();
    guest.machine.line(7).up();
    runFor(guest.machine, 100 * US);
    expect(guest.handled(7)).toBeGreaterThan(2);
  });

  it("are shared with the chip's own peripherals", () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep }).finish();
    const line = guest.machine.line(20);
    const pending = () => (guest.chip.core.pendingInterrupts >>> 20) & 1;
    line.up();
    guest.chip.setInterrupt(20, false);
    expect(pending()).toBe(1);
    guest.chip.setInterrupt(20, true);
    line.down();
    expect(pending()).toBe(1);
    guest.chip.setInterrupt(20, false);
    expect(pending()).toBe(0);
  });
});

describe('lines 26 … 31', () => {
  it('interrupt once per rise or pulse, also when the line falls before it is taken', () => {
    const guest = new BusGuest();
    guest.boot({ enable: [26, 31], idle: Idle.sleep }).finish();
    const line = guest.machine.line(26);
    const last = guest.machine.line(31);
    line.up();
    line.up();
    runFor(guest.machine, 100 * US);
    expect(guest.handled(26)).toBe(1);
    line.down();
    runFor(guest.machine, 100 * US);
    expect(guest.handled(26)).toBe(1);
    guest.machine.clock.setTimer(0, () => {
      line.up();
      line.down();
      last.pulse();
    });
    runFor(guest.machine, 100 * US);
    expect([guest.handled(26), guest.handled(31)]).toEqual([2, 1]);
  });
});

describe('any line', () => {
  it('exists from 0 to 31 and is the same object each time', () => {
    const { machine } = new BusGuest();
    expect(machine.line(0)).toBe(machine.line(0));
    for (const number of [-1, 32, 1.5, Number.NaN]) {
      expect(() => machine.line(number)).toThrow('does not exist');
    }
  });

  it('that rises in an MMIO handler is taken after the access', () => {
    const guest = new BusGuest();
    const line = guest.machine.line(20);
    const order: string[] = [];
    guest.machine.mapMmio(BASE, 0x1000, {
      read: () => 0,
      write: (offset) => {
        if (offset === 0) line.up();
        else line.down();
        order.push(`${offset} ${guest.handled(20)}`);
      },
    });
    const accesses = [write(4, BASE, 1), write(4, BASE + 8, 1)];
    guest.boot({ enable: [20], accesses, clear: { 20: BASE + 4 } }).finish();
    expect(order).toEqual(['0 0', '4 1', '8 1']);
  });

  it('is reported when the guest returns from its handler, and can rise again then', () => {
    const guest = new BusGuest();
    const ended: number[] = [];
    const stop = guest.machine.onEoi((number) => {
      ended.push(number);
      guest.machine.line(20).down();
      if (ended.length < 3) guest.machine.line(20).up();
    });
    guest.boot({ enable: [20, 26], idle: Idle.sleep }).finish();
    guest.machine.line(20).up();
    runFor(guest.machine, 100 * US);
    expect(ended).toEqual([20, 20, 20]);
    expect(guest.handled(20)).toBe(3);
    stop();
    stop();
    guest.machine.line(26).pulse();
    runFor(guest.machine, 100 * US);
    expect([ended.length, guest.handled(26)]).toEqual([3, 1]);
    expect(Object.keys(guest.chip.core)).not.toContain('exceptionReturn');
  });
});

describe('safe points', () => {
  it.each([
    ['busy', Idle.spin],
    ['asleep', Idle.sleep],
  ])('come every 20 us while the guest is %s', (_, idle) => {
    const guest = new BusGuest();
    guest.boot({ idle }).finish();
    const times: number[] = [];
    const startNs = guest.machine.clock.nowNs();
    const stop = guest.machine.onSafePoint(() => times.push(guest.machine.clock.nowNs() - startNs));
    runFor(guest.machine, 100 * US);
    expect(times).toEqual([20, 40, 60, 80, 100].map((us) => us * US));
    stop();
    stop();
    runFor(guest.machine, 100 * US);
    expect(times.length).toBe(5);
  });

  it('have the interval that was asked for, and can be brought forward', () => {
    const guest = new BusGuest({ safePointNs: MS });
    guest.boot({ idle: Idle.sleep }).finish();
    let polls = 0;
    guest.machine.onSafePoint(() => polls++);
    const woken = vi.fn();
    const ignore = guest.machine.onWake(woken);
    runFor(guest.machine, 0.9 * MS);
    expect(polls).toBe(0);
    guest.machine.wake();
    runFor(guest.machine, US);
    expect(polls).toBe(1);
    expect(woken).toHaveBeenCalledTimes(1);
    ignore();
    guest.machine.wake();
    expect(woken).toHaveBeenCalledTimes(1);
    runFor(guest.machine, 10 * MS);
    expect(polls).toBe(12);
  });

  it('go on after a poll that throws', () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep }).finish();
    let polls = 0;
    guest.machine.onSafePoint(() => {
      polls++;
      if (polls === 1) throw new Error('poll failed');
    });
    expect(() => runFor(guest.machine, 50 * US)).toThrow('poll failed');
    runFor(guest.machine, 50 * US);
    expect(polls).toBeGreaterThan(2);
  });

  it('cost nothing when nobody listens: no alarm, no handle of the process', () => {
    const handles = process.getActiveResourcesInfo().length;
    const { chip, machine } = new BusGuest();
    machine.mapMmio(BASE, 0x1000, NOBODY);
    machine.line(20);
    const alarms = chip.clock as unknown as { nanosToNextAlarm: number };
    expect(alarms.nanosToNextAlarm).toBe(0);
    const stop = machine.onSafePoint(() => {});
    expect(alarms.nanosToNextAlarm).toBe(20 * US);
    expect(process.getActiveResourcesInfo().length).toBe(handles);
    stop();
    expect(alarms.nanosToNextAlarm).toBe(0);
  });
});

describe('the clock', () => {
  it('fires timers at exactly their time, in order of time, then of creation', () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep }).finish();
    const { clock } = guest.machine;
    const startNs = clock.nowNs();
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name} ${clock.nowNs() - startNs}`);
    clock.setTimer(3000.5, note('d'));
    clock.setTimer(1000, note('b'));
    clock.setTimer(1000, note('c'));
    clock.setTimer(10, note('a'));
    const cancelled = clock.setTimer(5, note('never'));
    const late = clock.setTimer(2000, note('never'));
    cancelled.cancel();
    cancelled.cancel();
    clock.setTimer(1500, () => {
      late.cancel();
      clock.setTimer(0, note('at once'));
    });
    runFor(guest.machine, MS);
    late.cancel();
    expect(fired).toEqual(['a 10', 'b 1000', 'c 1000', 'at once 1500', 'd 3000.5']);
  });

  it('fires while the guest is busy, between two instructions', () => {
    const guest = new BusGuest();
    guest.boot().finish();
    const passes = guest.passes;
    let seen = 0;
    guest.machine.clock.setTimer(1001, () => {
      seen = guest.passes;
    });
    runFor(guest.machine, 2000);
    expect(seen).toBeGreaterThan(passes);
    expect(guest.passes).toBeGreaterThan(seen);
  });

  it('keeps the other timers when one throws', () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep }).finish();
    const second = vi.fn();
    guest.machine.clock.setTimer(10, () => {
      throw new Error('timer failed');
    });
    guest.machine.clock.setTimer(20, second);
    expect(() => runFor(guest.machine, US)).toThrow('timer failed');
    runFor(guest.machine, US);
    expect(second).toHaveBeenCalledTimes(1);
  });

  it('refuses delays that are none', () => {
    const { clock } = new BusGuest().machine;
    for (const delay of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => clock.setTimer(delay, () => {})).toThrow(RangeError);
    }
  });
});

describe('sleep', () => {
  it('ends by a SysTick, which rp2040js alone would sleep through', () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep, systickPeriod: 12_500 }).finish();
    runFor(guest.machine, 10 * MS);
    expect(guest.systicks).toBeGreaterThanOrEqual(99);
    expect(guest.passes).toBeGreaterThanOrEqual(99);
  });

  it('does not begin with an interrupt pending that came while interrupts were off', () => {
    const guest = new BusGuest();
    guest.boot({ enable: [26], idle: Idle.sleepMasked }).finish();
    const { core } = guest.chip;
    for (let round = 1; round <= 50; round++) {
      runUntil(guest.machine, () => core.waiting, MS);
      guest.machine.line(26).pulse();
      // The next one comes at any instruction of the loop, also between CPSID and WFI.
      const at = guest.machine.clock.setTimer(8 * round, () => guest.machine.line(26).pulse());
      runFor(guest.machine, 10 * US);
      at.cancel();
      expect(guest.handled(26)).toBe(2 * round);
    }
  });
});

describe('runs', () => {
  it('are bounded', () => {
    const guest = new BusGuest().boot();
    const error = problemOf(() => runUntil(guest.machine, () => false, 10 * US));
    expect(error.problem).toBe('limit');
    expect(error.message).toMatch(/within 10000 ns of virtual time, at 1000\d ns, PC 0x1000/);
    expect(error.nowNs).toBeGreaterThanOrEqual(10 * US);
    expect(error.pc).toBeGreaterThanOrEqual(0x1000_0000);
  });

  it('are bounded in a sleep, too, and end early when nothing can end it', () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep }).finish();
    const asleep = problemOf(() => runUntil(guest.machine, () => false, 1e12));
    expect(asleep.problem).toBe('asleep');
    guest.machine.onSafePoint(() => {});
    const startNs = guest.machine.clock.nowNs();
    expect(problemOf(() => runUntil(guest.machine, () => false, MS)).problem).toBe('limit');
    expect(guest.machine.clock.nowNs() - startNs).toBe(MS);
  });

  it('end at a breakpoint', () => {
    const { chip, machine } = new BusGuest();
    const { onBreak } = chip;
    // The stack, the entry, then BKPT #0.
    const image = new Uint8Array([0, 0, 4, 0x20, 9, 0, 0, 0x10, 0x00, 0xbe, 0xfe, 0xe7]);
    bootFirmware(machine, image);
    expect(problemOf(() => runUntil(machine, () => false, MS)).problem).toBe('breakpoint');
    expect(problemOf(() => runFor(new Rp2040Machine(rebooted(image)), MS)).problem).toBe(
      'breakpoint',
    );
    expect(chip.onBreak).toBe(onBreak);
  });

  it('refuse an image that cannot be one', () => {
    const { machine } = new BusGuest();
    expect(() => bootFirmware(machine, new Uint8Array(4))).toThrow(RangeError);
    expect(() => bootFirmware(machine, new Uint8Array(2 ** 24 + 1))).toThrow(RangeError);
  });

  it('are the same each time', () => {
    const trace = () => {
      const guest = new BusGuest();
      const { clock } = guest.machine;
      const seen: string[] = [];
      const note = (what: string) => seen.push(`${clock.nowNs()} ${what}`);
      const line = guest.machine.line(20);
      guest.machine.mapMmio(BASE, 0x1000, {
        read: (offset) => {
          note(`read ${offset}`);
          return offset;
        },
        write: (offset, width, value) => {
          note(`write ${offset} ${width} ${value}`);
          line.down();
          clock.setTimer(777, () => line.up());
        },
      });
      guest.machine.onSafePoint(() => note('safe point'));
      const accesses = [read(4, BASE), write(1, BASE + 5, 3), read(2, BASE + 8)];
      guest.boot({ enable: [20], idle: Idle.sleep, accesses, clear: { 20: BASE } }).finish();
      runFor(guest.machine, MS);
      note(`handled ${guest.handled(20)}`);
      return seen;
    };
    const once = trace();
    expect(once.length).toBeGreaterThan(500);
    expect(trace()).toEqual(once);
  });

  it("are the same by rp2040js's own run loop", async () => {
    const run = async (withSimulator: boolean) => {
      const guest = new BusGuest({ withSimulator });
      const times: number[] = [];
      guest.machine.mapMmio(BASE, 0x1000, {
        read: () => 0,
        write: () => {
          times.push(guest.machine.clock.nowNs());
          guest.machine.line(20).down();
        },
      });
      let polls = 0;
      guest.machine.onSafePoint(() => {
        polls++;
        if (polls % 10 === 0) guest.machine.line(20).up();
        if (polls === 200) guest.simulator?.stop();
      });
      guest.boot({ enable: [20], idle: Idle.sleep, clear: { 20: BASE } });
      if (guest.simulator) {
        guest.simulator.execute();
        for (let turn = 0; turn < 100 && guest.simulator.executing; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } else {
        runUntil(guest.machine, () => polls >= 200, 100 * MS);
      }
      expect(polls).toBe(200);
      return times.slice(0, 19);
    };
    const ours = await run(false);
    expect(ours.length).toBe(19);
    expect(await run(true)).toEqual(ours);
  });
});

describe('a paced run', () => {
  afterEach(() => vi.restoreAllMocks());

  it("keeps to the host's time while the guest sleeps", async () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep });
    const startMs = performance.now();
    const elapsedNs = await runUntilPaced(
      guest.machine,
      () => guest.machine.clock.nowNs() >= 20 * MS,
      1000 * MS,
    );
    expect(elapsedNs).toBeGreaterThanOrEqual(20 * MS);
    expect((performance.now() - startMs) * 1e6).toBeGreaterThanOrEqual(elapsedNs - MS);
  });

  it('is woken by the host', async () => {
    const guest = new BusGuest();
    guest.boot({ enable: [26], idle: Idle.sleep });
    let signalled = false;
    guest.machine.onSafePoint(() => {
      if (signalled) guest.machine.line(26).pulse();
      signalled = false;
    });
    setTimeout(() => {
      signalled = true;
      guest.machine.wake();
    }, 5);
    await runUntilPaced(guest.machine, () => guest.handled(26) === 1, 10_000 * MS);
    expect(guest.handled(26)).toBe(1);
  });

  it('does not race through the time that the host was too slow for', async () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep });
    // The host's time: each look at it costs a tenth of a millisecond, the first step a second.
    let hostMs = 0;
    let slow = true;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => {
      hostMs += 0.1;
      return hostMs;
    });
    try {
      const elapsedNs = await runUntilPaced(
        guest.machine,
        () => {
          if (slow) hostMs += 1000;
          slow = false;
          return hostMs > 1010;
        },
        10_000 * MS,
      );
      expect(elapsedNs).toBeLessThan(70 * MS);
    } finally {
      now.mockRestore();
    }
  });

  it('is bounded', async () => {
    const guest = new BusGuest();
    guest.boot({ idle: Idle.sleep });
    const run = runUntilPaced(guest.machine, () => false, 3 * MS);
    await expect(run).rejects.toMatchObject({ problem: 'limit' });
  });
});

describe('the machine', () => {
  it('says what it can do', () => {
    const { machine } = new BusGuest();
    expect(machine.name).toBe('rp2040js');
    expect(machine.capabilities).toEqual({
      directMapping: false,
      deterministic: true,
      reportsEoi: true,
      exactReadWidths: [1, 2, 4],
      exactWriteWidths: [1, 2, 4],
      mmioGranule: 4096,
      lines: [0, 31],
      raiseInHandler: 'latched',
    });
  });

  it('offers the SRAM, or has it in memory of the caller', () => {
    const plain = new BusGuest();
    expect(plain.machine.guestRam).toMatchObject([{ guestAddress: 0x2000_0000, writable: true }]);
    expect(plain.machine.guestRam[0]?.bytes).toBe(plain.chip.sram);
    const memory = new ArrayBuffer(264 * 1024 + 4096);
    const sram = new Uint8Array(memory, 4096);
    const guest = new BusGuest({ sram });
    const device = new Recorder();
    guest.machine.mapMmio(BASE, 0x1000, device);
    guest.boot({ accesses: [read(4, BASE + 4)] }).finish();
    expect(guest.machine.guestRam[0]?.bytes).toBe(sram);
    expect(new DataView(memory, 4096).getUint32(0x12c, true)).toBe(guest.result(0));
    expect(guest.result(0)).toBe((0xa5b6c7d8 ^ 4) >>> 0);
    guest.machine.detach();
    expect(guest.chip.sram).not.toBe(sram);
    expect(guest.result(0)).toBe((0xa5b6c7d8 ^ 4) >>> 0);
    expect(() => new Rp2040Machine(guest.chip, { sram: sram.subarray(1) })).toThrow(RangeError);
  });

  it('undoes everything when it is detached', () => {
    const { chip, machine } = new BusGuest();
    const before = {
      chip: Object.keys(chip),
      core: Object.keys(chip.core),
      slots: Object.keys(chip.peripherals),
    };
    const unmap = machine.mapMmio(BASE, 0x1000, NOBODY);
    const [level, edge] = [machine.line(20), machine.line(26)];
    level.up();
    machine.line(21).pulse();
    const stopPoll = machine.onSafePoint(() => {});
    const stopEoi = machine.onEoi(() => {});
    const timer = machine.clock.setTimer(100, () => {});
    machine.detach();
    machine.detach();
    expect(chip.core.pendingInterrupts).toBe(0);
    level.up();
    edge.pulse();
    for (const stop of [unmap, stopPoll, stopEoi, () => timer.cancel()]) stop();
    expect(chip.core.pendingInterrupts).toBe(0);
    expect((chip.clock as unknown as { nanosToNextAlarm: number }).nanosToNextAlarm).toBe(0);
    expect({
      chip: Object.keys(chip),
      core: Object.keys(chip.core),
      slots: Object.keys(chip.peripherals),
    }).toEqual(before);
  });

  it('takes a Simulator as well as a chip', () => {
    const simulator = new Simulator();
    expect(new Rp2040Machine(simulator).chip).toBe(simulator.rp2040);
  });

  it('refuses what is not a supported rp2040js, and says which are', () => {
    const without = (change: (chip: { core: object }) => void) => {
      const chip = new RP2040() as unknown as { core: object };
      change(chip);
      return () => new Rp2040Machine(chip as unknown as RP2040);
    };
    expect(without((chip) => Object.assign(chip, { readUint8: undefined }))).toThrow(
      'RP2040.readUint8 is missing; supported are rp2040js ^1.4',
    );
    expect(without((chip) => Object.assign(chip.core, { waiting: 1 }))).toThrow(
      'RP2040.core.waiting is a number, expected a boolean',
    );
    expect(without((chip) => Object.assign(chip, { clock: null }))).toThrow('RP2040.clock');
    expect(without((chip) => Object.assign(chip, { sram: new Uint8Array(1) }))).toThrow('sram is');
    expect(without((chip) => Object.assign(chip, { sramView: undefined }))).toThrow('sramView');
    const frozen = new Rp2040Machine(
      new RP2040({
        nanos: 0,
        createAlarm: () => ({ schedule: () => {}, cancel: () => {} }),
      }),
    );
    expect(() => runFor(frozen, 1)).toThrow('RP2040.clock.tick is missing');
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses safe points every %d ns',
    (safePointNs) => {
      expect(() => new Rp2040Machine(new RP2040(), { safePointNs })).toThrow(RangeError);
    },
  );
});

function rebooted(image: Uint8Array): RP2040 {
  const chip = new RP2040();
  bootFirmware(new Rp2040Machine(chip), image);
  return chip;
}
