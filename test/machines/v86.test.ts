import { afterEach, describe, expect, it } from 'vitest';
import { describe as describeDevice } from '../../host/describe';
import type { DeviceEvent } from '../../host/device/events';
import { VfioError } from '../../host/errors';
import type { GuestRamBlock, MmioHandler } from '../../host/machines/contract';
import { plug } from '../../host/machines/plug';
import { V86Machine } from '../../host/machines/v86';
import { DmaEngine, MemoryDevice } from '../../host/sim/models';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { type GuestAccess, Idle } from './bus-guest';
import { PcBusGuest } from './pc-bus-guest';
import { newEmulator, V86Guest, type V86Setup } from './v86-emulator';

const BASE = 0xfea0_0000;
const NOBODY: MmioHandler = { read: () => 0, write: () => {} };

const guests: { destroy(): Promise<void> }[] = [];
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function busGuest(
  firmware: 'test-bus-pc' | 'test-bus-ioapic' = 'test-bus-pc',
  setup: V86Setup = {},
) {
  const guest = await PcBusGuest.create(firmware, setup);
  guests.push(guest);
  return guest;
}

const read = (width: 1 | 2 | 4 | 8, address: number): GuestAccess => ({
  direction: 'read',
  width,
  address,
});
const write = (width: 1 | 2 | 4 | 8, address: number, value: number): GuestAccess => ({
  direction: 'write',
  width,
  address,
  value,
});

/** Notes what arrives; reads answer with a value that tells the offset. */
class Recorder implements MmioHandler {
  readonly seen: string[] = [];
  constructor(readonly name = '') {}
  read(offset: number, width: number): number {
    this.seen.push(`${this.name}r${width}@${offset.toString(16)}`);
    return (0xa5b6_c7d8 ^ offset) >>> (32 - 8 * width);
  }
  write(offset: number, width: number, value: number): void {
    this.seen.push(`${this.name}w${width}@${offset.toString(16)}=${value.toString(16)}`);
  }
}

describe('accesses of a PC guest', () => {
  it('arrive with their widths, but a 16-bit read is two of 8 bits', async () => {
    const guest = await busGuest();
    const device = new Recorder();
    guest.machine.mapMmio(BASE, 0x1000, device);
    const accesses = [
      read(4, BASE + 4),
      read(1, BASE + 5),
      read(2, BASE + 6),
      write(4, BASE + 8, 0xfedc_ba98),
      write(2, BASE + 0xa, 0xfedc),
      write(1, BASE + 0xb, 0xfe),
      read(4, BASE + 0xffc),
      write(2, BASE + 0xffe, 0x1234),
    ];
    await guest.boot({ accesses }).finish();
    expect(device.seen).toEqual([
      'r4@4',
      'r1@5',
      'r1@6',
      'r1@7',
      'w4@8=fedcba98',
      'w2@a=fedc',
      'w1@b=fe',
      'r4@ffc',
      'w2@ffe=1234',
    ]);
    expect(guest.result(0)).toBe((0xa5b6_c7d8 ^ 4) >>> 0);
    expect(guest.result(1)).toBe(0xa5);
    expect(guest.result(6)).toBe((0xa5b6_c7d8 ^ 0xffc) >>> 0);
  });

  it('of 8 bytes are two reads, and one write where the handler takes it', async () => {
    const guest = await busGuest();
    class Wide extends Recorder {
      write64(offset: number, value: bigint): void {
        this.seen.push(`w8@${offset.toString(16)}=${value.toString(16)}`);
      }
    }
    const [narrow, wide] = [new Recorder(), new Wide()];
    guest.machine.mapMmio(BASE, 0x1000, narrow);
    guest.machine.mapMmio(BASE + 0x1000, 0x1000, wide);
    const accesses = [
      ...[BASE + 0x10, BASE + 0x1010].map((at) => write(8, at, 0x89ab_cdef)),
      read(8, BASE + 0x20),
      read(8, BASE + 0x1020),
      // Half in the first device, half in the second.
      write(8, BASE + 0xffc, 1),
    ];
    await guest.boot({ accesses }).finish();
    expect(narrow.seen).toEqual(['w4@10=89abcdef', 'w4@14=76543210', 'r4@20', 'r4@24', 'w4@ffc=1']);
    expect(wide.seen).toEqual(['w8@10=7654321089abcdef', 'r4@20', 'r4@24', 'w4@0=fffffffe']);
  });

  it('of 8 bytes, written, complete one interrupt, as any access does', async () => {
    const guest = await busGuest();
    const host = new SimulatedHost({ clock: guest.machine.clock });
    const model = new MemoryDevice({ lines: ['edge', 'edge'] });
    host.addDevice({ name: 'mem', model });
    const { device } = await plug(host, { host: 'mem', eoi: { default: 'write' } }, guest.machine, {
      regions: { 0: BASE },
      lines: { 0: 5, 1: 10 },
    });
    for (const line of [0, 1]) model.pulse(line);
    device.safePoint();
    await guest.boot({ accesses: [write(8, BASE + 8, 0x1234_5678)] }).finish();
    expect(
      new DataView(model.bytes(0).buffer, model.bytes(0).byteOffset).getBigUint64(8, true),
    ).toBe(0xedcb_a987_1234_5678n);
    expect(device.lines.map(({ statistics }) => statistics.completions).sort()).toEqual([0, 1]);
  });

  it('reach each of several devices in one block of 128 KiB, and what was there before', async () => {
    const guest = await busGuest();
    const { v86 } = guest.emulator as unknown as {
      v86: { cpu: { io: { mmap_register(...args: unknown[]): void } } };
    };
    const before = new Recorder('before ');
    v86.cpu.io.mmap_register(
      BASE,
      0x2_0000,
      (address: number) => before.read((address >>> 0) - BASE, 1),
      (address: number, value: number) => before.write((address >>> 0) - BASE, 1, value),
    );
    const devices = ['a ', 'b '].map((name) => new Recorder(name));
    const unmaps = devices.map((device, index) =>
      guest.machine.mapMmio(BASE + 0x1000 * (index + 1), 0x100, device),
    );
    const accesses = [
      read(4, BASE + 0x1000),
      read(4, BASE + 0x2004),
      write(1, BASE + 0x3000, 7),
      write(2, BASE + 0x3000, 0x707),
      // Half in the device, half behind it.
      write(4, BASE + 0x10fe, 0x4433_2211),
      read(4, BASE + 0x1ffe),
    ];
    await guest.boot({ accesses }).finish();
    expect(devices.map(({ seen }) => seen)).toEqual([
      ['a r4@0', 'a w1@fe=11', 'a w1@ff=22'],
      ['b r4@4', 'b r1@0', 'b r1@1'],
    ]);
    expect(before.seen).toEqual([
      'before w1@3000=7',
      'before w1@3000=7',
      'before w1@3001=7',
      'before w1@1100=33',
      'before w1@1101=44',
      'before r1@1ffe',
      'before r1@1fff',
    ]);
    for (const unmap of unmaps) unmap();
  });

  it('go to a device that spans blocks, by its own offsets', async () => {
    const guest = await busGuest();
    const device = new Recorder();
    guest.machine.mapMmio(BASE + 0x1_f000, 0x2_2000, device);
    const accesses = [BASE + 0x1_f000, BASE + 0x2_0000, BASE + 0x4_0ffc].map((at) => read(4, at));
    await guest.boot({ accesses }).finish();
    expect(device.seen).toEqual(['r4@0', 'r4@1000', 'r4@21ffc']);
  });

  it('reach a device from when it is plugged in until it is unplugged', async () => {
    const guest = await busGuest();
    const line = guest.machine.line(5);
    const device = new Recorder();
    guest.boot({ enable: [5], clear: { 5: BASE }, idle: Idle.sleep });
    await guest.finish();
    const ring = async (count: number) => {
      line.up();
      line.down();
      line.up();
      await guest.until(() => guest.handled(5) >= count);
      line.down();
    };
    await ring(1);
    expect(device.seen).toEqual([]);
    const unmap = guest.machine.mapMmio(BASE, 0x1000, {
      read: (offset, width) => device.read(offset, width),
      write: (offset, width, value) => {
        line.down();
        device.write(offset, width, value);
      },
    });
    await ring(guest.handled(5) + 1);
    expect(device.seen).toEqual(['w4@0=1']);
    unmap();
    unmap();
    await ring(guest.handled(5) + 1);
    expect(device.seen).toEqual(['w4@0=1']);
  });

  it('and interrupts of a device that is unplugged meanwhile end; it can be plugged in again', async () => {
    const guest = await busGuest();
    const host = new SimulatedHost({ clock: guest.machine.clock });
    const model = new MemoryDevice({ lines: ['level'] });
    host.addDevice({ name: 'mem', model });
    const plugIn = () =>
      plug(host, { host: 'mem', eoi: { default: 'write' } }, guest.machine, {
        regions: { 0: BASE },
        lines: { 0: 5 },
      });
    guest.boot({ enable: [5], clear: { 5: BASE }, idle: Idle.sleep });
    await guest.finish();
    const storm = async () => {
      const before = guest.handled(5);
      await guest.until(() => guest.handled(5) > before + 3);
    };
    const first = await plugIn();
    // Nothing lowers it, so it interrupts on and on.
    model.setLevel(0);
    await storm();
    first.unplug();
    expect(first.device.closed).toBe(true);
    await guest.slices();
    const last = guest.handled(5);
    await guest.slices();
    expect(guest.handled(5)).toBe(last);
    // The kernel has reset the device between its two users.
    expect(model.isHigh(0)).toBe(false);
    const second = await plugIn();
    model.setLevel(0);
    await storm();
    second.unplug();
    expect(host.kernel.resources()).toMatchObject({ fds: 0, eventfds: 0, mappings: 0, watches: 0 });
  });

  it('that throw are answered with ones, and end the slice with what was thrown', async () => {
    const guest = await busGuest();
    const thrown: unknown[] = [];
    // v86 calls main_loop() from a timer, where nobody could catch it.
    const { cpu } = (guest.emulator as unknown as { v86: { cpu: { main_loop(): number } } }).v86;
    const slice = cpu.main_loop;
    cpu.main_loop = () => {
      try {
        return slice.call(cpu);
      } catch (error) {
        thrown.push(error);
        return 0;
      }
    };
    guest.machine.mapMmio(BASE, 0x1000, {
      read: () => {
        throw new Error('broken device');
      },
      write: () => {},
    });
    await guest.boot({ accesses: [read(4, BASE), read(1, BASE)] }).finish();
    expect([guest.result(0), guest.result(1)]).toEqual([0xffff_ffff, 0xff]);
    expect(String((thrown[0] as AggregateError).errors?.[0] ?? thrown[0])).toBe(
      'Error: broken device',
    );
  });

  it.each<[string, number, number, string]>([
    ['RAM', 0x10_0000, 0x1000, 'RAM, which ends at 0x1000000'],
    ['VGA memory', 0xb_8000, 0x1000, 'VGA memory'],
    ['the frame buffer', 0xe000_0000, 0x1000, 'frame buffer'],
    ['the IOAPIC', 0xfec0_0000, 0x1000, 'IOAPIC'],
    ['the local APIC', 0xfedf_f000, 0x2000, 'local APIC'],
    ['the BIOS', 0xfff0_0000, 0x1000, 'BIOS'],
    ['the end of memory', 0xffff_f000, 0x2000, '4 GiB'],
    ['half a word', BASE + 2, 0x1000, 'base must be a multiple of 4'],
    ['a size of 0', BASE, 0, 'size must be a multiple of 4'],
    ['an address with a fraction', BASE + 0.5, 4, 'base'],
    ['another device', BASE + 0xffc, 4, 'overlaps 0xfea00000 … 0xfea00fff'],
  ])('cannot be mapped at %s', async (_, base, size, message) => {
    const guest = await busGuest();
    guest.machine.mapMmio(BASE, 0x1000, NOBODY);
    expect(() => guest.machine.mapMmio(base, size, NOBODY)).toThrow(message);
  });
});

describe.each(['test-bus-pc', 'test-bus-ioapic'] as const)('interrupt inputs of %s', (firmware) => {
  const start = () => busGuest(firmware, { acpi: firmware === 'test-bus-ioapic' });

  it.each([5, 10])('%d as a level: handled until the device is satisfied', async (input) => {
    const guest = await start();
    const line = guest.machine.line(input);
    let acknowledged = 0;
    guest.machine.mapMmio(BASE, 0x1000, {
      read: () => 0,
      // The line goes down inside the handler's access, the fifth time.
      write: () => {
        acknowledged++;
        if (acknowledged % 5 === 0) line.down();
      },
    });
    guest.boot({ enable: [input], clear: { [input]: BASE }, idle: Idle.sleep });
    await guest.finish();
    for (let round = 1; round <= 20; round++) {
      line.up();
      await guest.until(() => guest.handled(input) === 5 * round);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(guest.handled(input)).toBe(100);
  });

  it('as an edge: a pulse is remembered, and handled once', async () => {
    const guest = await start();
    const line = guest.machine.line(11);
    guest.boot({ enable: [11], edges: [11] });
    await guest.finish();
    for (let round = 1; round <= 50; round++) {
      line.pulse();
      await guest.until(() => guest.handled(11) === round);
    }
    line.up();
    await guest.until(() => guest.handled(11) === 51);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(guest.handled(11)).toBe(51);
    line.down();
  });

  it('stay high while one of several lines, or v86 itself, holds them', async () => {
    const guest = await start();
    const [one, two] = [guest.machine.line(5), guest.machine.line(5)];
    const { cpu } = (
      guest.emulator as unknown as {
        v86: { cpu: { device_raise_irq(n: number): void; device_lower_irq(n: number): void } };
      }
    ).v86;
    guest.boot({ enable: [5], idle: Idle.sleep });
    await guest.finish();
    const stillHigh = async () => {
      const before = guest.handled(5);
      await guest.until(() => guest.handled(5) > before);
    };
    one.up();
    two.up();
    one.down();
    one.down();
    await stillHigh();
    cpu.device_raise_irq(5);
    two.down();
    await stillHigh();
    two.up();
    cpu.device_lower_irq(5);
    await stillHigh();
    two.down();
    // What was pending when it went down.
    await guest.slices();
    const last = guest.handled(5);
    await guest.slices();
    expect(guest.handled(5)).toBe(last);
  });
});

describe('interrupts that change inside an access', () => {
  const INTERRUPTS = 200_000;
  /** Stores before them, until the loop is compiled: code that is not can be interrupted anywhere. */
  const QUIET = 2_000_000;
  const DATA = BASE;
  const CLEAR = BASE + 4;

  it.each<[string, V86Setup]>([
    ['compiled', {}],
    ['interpreted', { disable_jit: true }],
  ])(`are all handled: ${INTERRUPTS} from a tight loop of stores, %s`, async (_, setup) => {
    const guest = await V86Guest.create('workload-pc', setup);
    guests.push(guest);
    const line = guest.machine.line(5);
    let stored = -QUIET;
    let cleared = 0;
    let spurious = 0;
    // Every store asks for one interrupt; the line is high while some are owed.
    guest.machine.mapMmio(BASE, 0x1000, {
      read: () => 0,
      write: (offset) => {
        if (offset === 0) {
          stored++;
        } else {
          if (stored === cleared) spurious++;
          else cleared++;
          line.down();
        }
        if (stored > cleared) line.up();
      },
    });
    const mode = 1;
    guest.shared.set([0, mode, 1 << 5, DATA, QUIET + INTERRUPTS, CLEAR, 0, 1]);
    guest.run();
    await guest.until(() => (guest.shared[6] as number) >= INTERRUPTS, 50_000);
    await guest.until(() => guest.shared[0] === 1);
    expect({ stored, cleared, spurious, handled: guest.shared[6] }).toEqual({
      stored: INTERRUPTS,
      cleared: INTERRUPTS,
      spurious: 0,
      handled: INTERRUPTS,
    });
  });
});

describe('safe points', () => {
  it('come while the guest is busy, and no more once the poll is taken away', async () => {
    const guest = await busGuest();
    let polls = 0;
    const stop = guest.machine.onSafePoint(() => polls++);
    await guest.boot({ idle: Idle.spin }).finish();
    const first = polls;
    await guest.until(() => polls > first + 20);
    stop();
    stop();
    const last = polls;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(polls).toBe(last);
  });

  it('are brought about by wake() while the guest sleeps', async () => {
    const guest = await busGuest();
    await guest.boot({ idle: Idle.sleep }).finish();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const gaps: number[] = [];
    for (let round = 0; round < 20; round++) {
      // In the middle of v86's sleep, which lasts up to 100 ms.
      await new Promise((resolve) => setTimeout(resolve, 3));
      let polled = false;
      const stop = guest.machine.onSafePoint(() => {
        polled = true;
      });
      let turns = 0;
      guest.machine.wake();
      while (!polled && turns < 50) {
        turns++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      stop();
      gaps.push(turns);
    }
    expect(Math.max(...gaps)).toBeLessThan(50);
  });

  it('come before the event loop goes on, after one wake(); after the next the loop has its turn', async () => {
    const guest = await busGuest();
    await guest.boot({ idle: Idle.sleep }).finish();
    const { v86: runner } = guest.emulator as unknown as {
      v86: { next_tick(delayMs: number): void };
    };
    let scheduled = 0;
    const schedule = runner.next_tick;
    runner.next_tick = (delayMs) => {
      scheduled++;
      schedule.call(runner, delayMs);
    };
    // Now v86 sleeps, and has done so by itself.
    await new Promise((resolve) => setTimeout(resolve, 5));
    let polls = 0;
    const stop = guest.machine.onSafePoint(() => polls++);
    const microtasks = async () => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    scheduled = 0;
    guest.machine.wake();
    expect(polls).toBe(0);
    await microtasks();
    expect(polls).toBeGreaterThan(0);
    // By the slice alone: v86 forgets by it what it had scheduled before.
    expect(scheduled).toBe(1);
    const first = polls;
    guest.machine.wake();
    await microtasks();
    expect(polls).toBe(first);
    await guest.until(() => polls > first);
    stop();
    runner.next_tick = schedule;
  });

  it("that throw after a wake() are an uncaught error, as those of v86's own slices", async () => {
    const guest = await busGuest();
    await guest.boot({ idle: Idle.sleep }).finish();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
    process.removeAllListeners('uncaughtException');
    const uncaught: [unknown, string][] = [];
    process.on('uncaughtException', (error, origin) => uncaught.push([error, origin]));
    const stop = guest.machine.onSafePoint(() => {
      stop();
      throw new Error('broken poll');
    });
    guest.machine.wake();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
    expect(uncaught.map(([error, origin]) => [String(error), origin])).toEqual([
      ['Error: broken poll', 'uncaughtException'],
    ]);
    // And the emulator goes on.
    let polls = 0;
    guest.machine.onSafePoint(() => polls++);
    guest.machine.wake();
    await guest.until(() => polls > 0);
  });

  it('report what a poll throws, after the slice', async () => {
    const guest = await busGuest();
    const { cpu } = (guest.emulator as unknown as { v86: { cpu: { main_loop(): number } } }).v86;
    const stop = guest.machine.onSafePoint(() => {
      throw new Error('broken poll');
    });
    expect(() => cpu.main_loop()).toThrow();
    stop();
    expect(() => cpu.main_loop()).not.toThrow();
  });
});

describe('time', () => {
  it('never goes back, and timers fire in order when they are due', async () => {
    const guest = await busGuest();
    const { clock } = guest.machine;
    await guest.boot({ idle: Idle.sleep }).finish();
    const fired: string[] = [];
    const due = (delayMs: number, name: string) => {
      const at = clock.nowNs() + delayMs * 1e6;
      return clock.setTimer(delayMs * 1e6, () => {
        fired.push(clock.nowNs() >= at ? name : `${name} early`);
      });
    };
    // Far behind the others: they may be set late.
    due(200, 'last');
    due(0.2, 'first');
    const never = due(1, 'never');
    due(2, 'second');
    never.cancel();
    never.cancel();
    await guest.until(() => fired.length === 3);
    expect(fired).toEqual(['first', 'second', 'last']);
    never.cancel();
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => clock.setTimer(wrong, () => {})).toThrow(RangeError);
    }
  });
});

describe('guest RAM', () => {
  it('is all that lies beside VGA and the BIOS, and the same after v86 has grown its memory', async () => {
    const guest = await busGuest();
    const [low, high] = guest.machine.guestRam;
    expect(low).toMatchObject({ guestAddress: 0, writable: true });
    expect(high).toMatchObject({ guestAddress: 0x10_0000, writable: true });
    expect([low?.bytes.length, high?.bytes.length]).toEqual([640 * 1024, 15 * 1024 * 1024]);
    const before = high?.bytes as Uint8Array;
    before[0x1234] = 77;
    const { cpu } = (
      guest.emulator as unknown as { v86: { cpu: { wasm_memory: WebAssembly.Memory } } }
    ).v86;
    cpu.wasm_memory.grow(1);
    expect(before.length).toBe(0);
    expect(high?.bytes[0x1234]).toBe(77);
  });

  it.each([false, true])('is reached by DMA, grown meanwhile: %s', async (grown) => {
    const guest = await busGuest();
    const { machine } = guest;
    const host = new SimulatedHost({ clock: machine.clock });
    host.addDevice({ name: 'dma', model: new DmaEngine() });
    const events: DeviceEvent[] = [];
    const { unplug } = await plug(host, { host: 'dma', dma: true }, machine, {
      regions: { 0: BASE, 1: BASE + 0x1000 },
      lines: { 0: 5, 1: 10 },
      listener: (event) => events.push(event),
    });
    const { cpu } = (
      guest.emulator as unknown as { v86: { cpu: { wasm_memory: WebAssembly.Memory } } }
    ).v86;
    if (grown) cpu.wasm_memory.grow(1);
    const SOURCE = 0x50_0000;
    const DESTINATION = 0x60_0000;
    const [, high] = machine.guestRam as [unknown, GuestRamBlock];
    const at = (address: number) =>
      high.bytes.subarray(address - high.guestAddress).subarray(0, 256);
    at(SOURCE).set(Array.from({ length: 256 }, (_, i) => i ^ 0x5a));
    const accesses = [
      write(4, BASE + 0x0c, 0),
      write(4, BASE + 0x10, SOURCE),
      write(4, BASE + 0x18, DESTINATION),
      write(4, BASE + 0x20, 256),
      write(4, BASE + 0x3c, 3),
      write(4, BASE + 0x04, 1),
    ];
    guest.boot({ enable: [5], edges: [5], accesses, idle: Idle.sleep });
    await guest.until(() => guest.handled(5) === 1);
    expect([...at(DESTINATION)]).toEqual([...at(SOURCE)]);
    expect(events).toEqual([]);
    unplug();
    expect(host.kernel.resources().dmaMappings).toBe(0);
  });

  it('that a device writes is not run from code compiled before', async () => {
    const guest = await busGuest();
    const dirty: [number, number][] = [];
    const { cpu } = (
      guest.emulator as unknown as {
        v86: { cpu: { jit_dirty_cache(first: number, end: number): void } };
      }
    ).v86;
    cpu.jit_dirty_cache = (first, end) => dirty.push([first, end]);
    for (const block of guest.machine.guestRam) {
      block.written?.(block.bytes.subarray(0x100, 0x180));
    }
    expect(dirty).toEqual([
      [0x100, 0x180],
      [0x10_0100, 0x10_0180],
    ]);
  });
});

describe('a saved state', () => {
  async function withDevice() {
    const guest = await busGuest();
    const host = new SimulatedHost({ clock: guest.machine.clock });
    const model = new MemoryDevice({ lines: ['level', 'edge'] });
    host.addDevice({ name: 'mem', model });
    const plugged = await plug(host, { host: 'mem' }, guest.machine, {
      regions: { 0: BASE },
      lines: { 0: 5, 1: 11 },
    });
    return { guest, model, host, ...plugged };
  }

  it('has the devices in it, so that an interrupt on its way arrives after the restore', async () => {
    const setup = { enable: [5], idle: Idle.sleep, clear: { 5: BASE } };
    const saved = await withDevice();
    await saved.guest.boot(setup).finish();
    await saved.guest.emulator.stop();
    saved.model.setLevel(0);
    saved.device.safePoint();
    expect(saved.device.lines[0]).toMatchObject({ state: 'active', up: true });
    const state = await saved.guest.emulator.save_state();

    const restored = await withDevice();
    await restored.guest.boot({ idle: Idle.sleep }).finish();
    await restored.guest.emulator.stop();
    await restored.guest.emulator.restore_state(state);
    expect(restored.device.lines[0]).toMatchObject({ state: 'active', up: true });
    expect(restored.guest.handled(5)).toBe(0);
    restored.guest.resume();
    await restored.guest.until(() => restored.guest.handled(5) === 1);
    await restored.guest.until(() => restored.device.lines[0]?.state === 'inactive');
    // This device's own wire is low, so that was all; and it interrupts on.
    restored.model.setLevel(0);
    await restored.guest.until(() => restored.guest.handled(5) > 1);
  });

  it('restores the level of a line at the interrupt controller', async () => {
    const { guest, model, device } = await withDevice();
    await guest.boot({ enable: [5], idle: Idle.sleep, clear: { 5: BASE } }).finish();
    await guest.emulator.stop();
    const quiet = await guest.emulator.save_state();
    guest.machine.line(5).up();
    model.setLevel(0);
    device.safePoint();
    expect(device.lines[0]?.up).toBe(true);
    model.setLevel(0, false);
    await guest.emulator.restore_state(quiet);
    expect(device.lines[0]).toMatchObject({ state: 'inactive', up: false });
    void guest.emulator.run();
    const before = guest.handled(5);
    await guest.until(() => guest.handled(5) > before + 3);
  });

  it('without the device resets it; with a device that is not there it is refused', async () => {
    const { guest, model, device, unplug } = await withDevice();
    const stranger = await busGuest();
    await stranger.boot({ idle: Idle.sleep }).finish();
    await guest.boot({ idle: Idle.sleep }).finish();
    for (const each of [stranger, guest]) await each.emulator.stop();
    const without = await stranger.emulator.save_state();
    const withIt = await guest.emulator.save_state();
    model.setLevel(0);
    device.safePoint();
    expect(device.lines[0]?.up).toBe(true);
    model.setLevel(0, false);
    await guest.emulator.restore_state(without);
    expect(device.lines[0]).toMatchObject({ state: 'inactive', up: false });
    expect(device.statistics.resets).toBe(1);
    await expect(stranger.emulator.restore_state(withIt)).rejects.toMatchObject({
      code: 'SNAPSHOT_MISMATCH',
      device: 'mem',
    });
    unplug();
    await expect(guest.emulator.restore_state(withIt)).rejects.toBeInstanceOf(VfioError);
  });
});

describe('an ACPI table', () => {
  const ssdt = () =>
    describeDevice({ name: 'rtc', compatible: ['arm,pl031'], regions: [], lines: [] }).ssdt;
  const filesOf = (emulator: object) =>
    (emulator as { v86: { cpu: { option_roms: { name: string; data: Uint8Array }[] } } }).v86.cpu
      .option_roms;

  it('is in the files that the BIOS reads, until it is taken away', async () => {
    const guest = await busGuest();
    const before = [...filesOf(guest.emulator)];
    const table = ssdt();
    const remove = guest.machine.addAcpiTable(table);
    guest.machine.addAcpiTable(table);
    const added = filesOf(guest.emulator).filter((file) => !before.includes(file));
    // What SeaBIOS looks for, and what a name in fw_cfg may have.
    expect(added.every(({ name }) => /^acpi\/.{1,50}$/.test(name))).toBe(true);
    expect(new Set(added.map(({ name }) => name)).size).toBe(2);
    expect(added.map(({ data }) => [...data])).toEqual([[...table], [...table]]);
    remove();
    remove();
    expect(filesOf(guest.emulator).length).toBe(before.length + 1);
    guest.machine.detach();
    expect(filesOf(guest.emulator)).toEqual(before);
  });

  it('is refused when it is none, or when this v86 has no place for it', async () => {
    const guest = await busGuest();
    const { machine, emulator } = guest;
    expect(() => machine.addAcpiTable(new Uint8Array(8))).toThrow('it has 8 bytes');
    expect(() => machine.addAcpiTable(ssdt().subarray(1))).toThrow(RangeError);
    const damaged = ssdt();
    damaged[20] = (damaged[20] as number) ^ 1;
    expect(() => machine.addAcpiTable(damaged)).toThrow('checksum');
    const { cpu } = (emulator as unknown as { v86: { cpu: { option_roms: unknown } } }).v86;
    cpu.option_roms = undefined;
    expect(() => machine.addAcpiTable(ssdt())).toThrow(
      expect.objectContaining({ code: 'MACHINE', message: expect.stringContaining('option_roms') }),
    );
    cpu.option_roms = [];
  });
});

describe('a reboot', () => {
  it('resets the devices, until they are unplugged', async () => {
    const guest = await busGuest();
    const { cpu } = (guest.emulator as unknown as { v86: { cpu: { reboot_internal(): void } } })
      .v86;
    const host = new SimulatedHost({ clock: guest.machine.clock });
    const model = new MemoryDevice();
    host.addDevice({ name: 'mem', model });
    const { device, unplug } = await plug(host, { host: 'mem' }, guest.machine, {
      regions: { 0: BASE },
      lines: { 0: 5 },
    });
    model.setLevel(0);
    device.safePoint();
    expect(device.lines[0]).toMatchObject({ state: 'active', up: true });
    cpu.reboot_internal();
    expect(device.lines[0]).toMatchObject({ state: 'inactive', up: false });
    expect(device.statistics.resets).toBe(1);
    expect(model.isHigh(0)).toBe(false);
    unplug();
    cpu.reboot_internal();
    expect(device.statistics.resets).toBe(1);
  });
});

describe('the machine', () => {
  it('says what it can do, and devices that need more are warned about', async () => {
    const { machine } = await busGuest();
    expect(machine.name).toBe('v86');
    expect(machine.capabilities).toEqual({
      directMapping: false,
      deterministic: false,
      reportsEoi: false,
      exactReadWidths: [1, 4],
      exactWriteWidths: [1, 2, 4, 8],
      mmioGranule: 4,
      lines: [0, 15],
      raiseInHandler: 'latched',
    });
    const host = new SimulatedHost({ clock: machine.clock });
    host.addDevice({ name: 'mem', model: new MemoryDevice() });
    const warnings = async (accessWidths: readonly (1 | 2 | 4 | 8)[]) => {
      const events: DeviceEvent[] = [];
      const { unplug } = await plug(host, { host: 'mem', accessWidths }, machine, {
        regions: { 0: BASE },
        lines: {},
        listener: (event) => events.push(event),
      });
      unplug();
      return events.map((event) => (event.type === 'warning' ? event.message : event.type));
    };
    expect(await warnings([1, 2, 4, 8])).toEqual([]);
    expect(await warnings([4])).toEqual([]);
    expect(await warnings([2, 4])).toEqual([
      "mem: the guest's reads on v86 cannot have all widths that the device takes " +
        '(accessWidths 2, 4): those of 2 bytes arrive as 1, which it refuses',
    ]);
    expect(await warnings([8])).toEqual([
      "mem: the guest's reads on v86 cannot have all widths that the device takes " +
        '(accessWidths 8): those of 8 bytes arrive as 4, which it refuses',
    ]);
  });

  it.each([-1, 2, 16, 1.5])('has no interrupt input %d', async (number) => {
    const { machine } = await busGuest();
    expect(() => machine.line(number)).toThrow(RangeError);
  });

  it('undoes everything when it is detached', async () => {
    const guest = await busGuest();
    const { cpu } = (guest.emulator as unknown as { v86: { cpu: Record<string, unknown> } }).v86;
    guest.machine.detach();
    const own = () => Object.entries(cpu).filter(([, value]) => typeof value === 'function');
    const before = own();
    const blocks = () => (cpu.memory_map_read8 as unknown[]).slice(BASE >>> 17, (BASE >>> 17) + 3);
    const empty = blocks();
    const machine = new V86Machine(guest.emulator);
    const unmap = machine.mapMmio(BASE, 0x4_0000, NOBODY);
    const line = machine.line(5);
    line.up();
    const stop = machine.onSafePoint(() => {});
    machine.keepInState('part', { save: () => new Uint8Array(), restore: () => {} });
    machine.clock.setTimer(0, () => {
      throw new Error('a timer of a machine that is gone');
    });
    machine.detach();
    machine.detach();
    expect(own()).toEqual(before);
    expect(blocks()).toEqual(empty);
    line.up();
    line.pulse();
    unmap();
    stop();
    await guest.boot({ enable: [5], idle: Idle.sleep }).finish();
    expect(guest.handled(5)).toBe(0);
  });

  it('refuses an emulator that is not ready, and waits for it when asked', async () => {
    const emulator = newEmulator('test-bus-pc');
    expect(() => new V86Machine(emulator)).toThrow('not ready yet');
    const machine = await V86Machine.whenReady(emulator);
    expect(machine.guestRam.length).toBe(2);
    expect(new V86Machine(emulator).name).toBe('v86');
    await emulator.destroy();
  });

  it('refuses what is not a supported v86, and says which are', async () => {
    const guest = await busGuest();
    const { v86 } = guest.emulator as unknown as { v86: { cpu: Record<string, unknown> } };
    const without = (changes: Record<string, unknown>) => () => {
      const cpu = Object.assign(Object.create(v86.cpu), changes);
      const runner = Object.assign(Object.create(v86), { cpu });
      return new V86Machine({ v86: runner });
    };
    const problem = (message: string) => expect.objectContaining({ code: 'MACHINE', message });
    const text = (what: string) => expect.stringContaining(what) as unknown as string;
    for (const [changes, message] of [
      [{ main_loop: undefined }, 'V86.v86.cpu.main_loop is missing; supported are npm v86'],
      [{ mmap_write16: 1 }, 'V86.v86.cpu.mmap_write16 is a number, expected a function'],
      [{ flags: {} }, 'V86.v86.cpu.flags.byteOffset is missing'],
      [{ wasm_memory: { buffer: {} } }, 'wasm_memory'],
      [{ memory_map_read8: [] }, 'memory_map_read8'],
    ] as const) {
      expect(without(changes)).toThrow(problem(text(message)));
    }
    expect(() => new V86Machine({})).toThrow(VfioError);
    expect(() => new V86Machine({ v86: { running: true } })).toThrow('V86.v86.next_tick');
  });
});
