import { createHash } from 'node:crypto';
import type { RP2040 } from 'rp2040js';
import { beforeAll, describe, expect, it } from 'vitest';
import { LINE_STATISTICS } from '../../assembly/state/layout';
import type { VfioHost } from '../../host/boundary/host';
import type { VfioPlatformDevice } from '../../host/device/device';
import { openDevice } from '../../host/device/open';
import type { KeptState, Machine } from '../../host/machines/contract';
import { MemoryDevice, SeededRandom, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  type BootGuest,
  DivergenceError,
  divergenceText,
  MachineDebugger,
  type MachineDebuggerOptions,
  MemorySink,
  type ReplayedGuest,
  record,
  Trace,
  TraceDebugger,
} from '../../host/trace';
import {
  bootFirmwareOn,
  openAll,
  recordingInto,
  runFirmware,
  simulatedBoard,
} from './firmware-world';

let traces: Trace[];
let sram: Uint8Array;
let booted = 0;
let chip: RP2040;

beforeAll(async () => {
  const sinks = new Map<string, MemorySink>();
  ({ sram } = await runFirmware((machine) => recordingInto(sinks, simulatedBoard(machine))));
  traces = openAll(sinks);
});

const boot: BootGuest = async (host) => {
  booted++;
  const guest = await bootFirmwareOn(() => host);
  chip = guest.chip;
  return guest;
};

/** The same of a machine that cannot keep its state. */
const bootForgetful: BootGuest = async (host) => {
  const guest = await boot(host);
  const machine: Machine = Object.create(guest.machine, { keepState: { value: undefined } });
  // Methods of the class work on the machine itself.
  for (const name of ['clock', 'guestRam', 'name', 'capabilities'] as const) {
    Object.defineProperty(machine, name, { value: guest.machine[name] });
  }
  return { ...guest, machine };
};

/** Recordings of the board while `run` runs the guest and calls its devices. */
async function recordedWith(
  run: (guest: Awaited<ReturnType<typeof bootFirmwareOn>>) => void,
): Promise<Trace[]> {
  const sinks = new Map<string, MemorySink>();
  const guest = await bootFirmwareOn((machine) => recordingInto(sinks, simulatedBoard(machine)));
  run(guest);
  guest.dispose();
  return openAll(sinks);
}

function walk(how = boot, options: MachineDebuggerOptions = {}): Promise<MachineDebugger> {
  return MachineDebugger.start(traces, how, { interval: 200, ...options });
}

/** All that can be seen where a machine stands. */
function view(at: MachineDebugger): string {
  const { core } = chip;
  return JSON.stringify([
    at.position,
    at.timeNs,
    at.step,
    core.PC,
    [...core.registers],
    createHash('sha256').update(chip.sram).digest('hex'),
    at.device?.lines,
    at.device?.statistics,
  ]);
}

/** What is seen at each place from the start on, as far as `places` go. */
async function seen(at: MachineDebugger, places: number): Promise<Map<number, string>> {
  const views = new Map([[at.position, view(at)]]);
  while (views.size < places && at.stepForward()) views.set(at.position, view(at));
  return views;
}

describe.each([
  ['that keeps its state', boot, 700],
  ['that is run again from the start', bootForgetful, 120],
] as const)('walking through a recording with a machine %s', (_, how, places) => {
  it('finds at every seek, back and forth, what it has seen on the way', async () => {
    const at = await walk(how);
    const views = await seen(at, places);
    expect(views.size).toBe(places);
    const positions = [...views.keys()];
    const random = new SeededRandom(7);
    for (let i = 0; i < 12; i++) {
      const position = positions[random.below(positions.length)] as number;
      await at.seek(position);
      expect(at.position).toBe(position);
      expect(view(at)).toBe(views.get(position));
    }
    // And it goes on as it did.
    for (let i = 0; i < 5 && at.stepForward(); i++) {
      if (views.has(at.position)) expect(view(at)).toBe(views.get(at.position));
    }
    at.dispose();
  });

  it('steps backward to where it came from', async () => {
    booted = 0;
    const at = await walk(how);
    const views = await seen(at, places);
    const positions = [...views.keys()];
    for (const position of positions.slice(-6, -1).reverse()) {
      expect(await at.stepBack()).toBe(true);
      expect(at.position).toBeLessThanOrEqual(position);
      const known = views.get(at.position);
      if (known !== undefined) expect(view(at)).toBe(known);
    }
    await at.seek(0);
    expect(at.position).toBe(positions[0]);
    expect(view(at)).toBe(views.get(positions[0] as number));
    expect(await at.stepBack()).toBe(false);
    expect(booted > 1).toBe(!at.keepsState);
    at.dispose();
  });
});

describe('a machine that walks through a recording', () => {
  it('comes to the same end, and back and to it again', async () => {
    booted = 0;
    const at = await walk();
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    expect(Buffer.compare(chip.sram, sram)).toBe(0);
    const end = view(at);
    await at.seek(Math.floor(at.trace.totals.events / 3));
    expect(view(at)).not.toBe(end);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(view(at)).toBe(end);
    expect(at.stepForward()).toBe(false);
    expect(booted).toBe(1);
    at.dispose();
  });

  it('has the device in the state that a walk with the core finds', async () => {
    for (const trace of traces) {
      const at = await walk(boot, { walk: trace });
      const core = await TraceDebugger.start(trace);
      for (const part of [0.7, 0.2, 0.5]) {
        await at.seek(Math.floor(trace.totals.events * part));
        await core.seek(at.position);
        expect(core.position).toBe(at.position);
        expect(at.device?.lines).toEqual(core.device?.lines);
        expect(at.device?.statistics).toEqual(core.device?.statistics);
      }
      at.dispose();
      core.dispose();
    }
  });

  it('stops before interrupts and accesses, one after the other, and finds the same again', async () => {
    const at = await walk();
    const places: (readonly [number, number, string])[] = [];
    for (let i = 0; i < 4; i++) {
      const found = await at.toInterrupt(0);
      expect(found?.name).toBe('lineUp');
      expect(at.position).toBeLessThanOrEqual(found?.event ?? -1);
      places.push([found?.event ?? -1, at.position, view(at)]);
    }
    expect(new Set(places.map(([event]) => event)).size).toBe(4);
    const [first] = places;
    await at.seek(0);
    expect((await at.toInterrupt(0))?.event).toBe(first?.[0]);
    expect(view(at)).toBe(first?.[2]);
    const access = await at.toAccess({ region: 0, offset: 0x1c, direction: 'write' });
    if (access !== undefined) expect(access).toMatchObject({ name: 'write' });
    expect(await at.toAccess({ region: 0, offset: 0x7ffc })).toBeUndefined();
    at.dispose();
  });

  it('goes back over the disconnection of a line', async () => {
    const recorded = await recordedWith((guest) => {
      const [rtc] = guest.devices;
      const handled = () => (rtc?.lines[0]?.statistics.completions ?? 0) >= 3;
      guest.run(handled, 100_000_000);
      expect(handled()).toBe(true);
      guest.devices[0]?.disconnectLine(0);
      guest.run(() => false, 300_000);
    });
    const at = await MachineDebugger.start(recorded, boot, { interval: 50 });
    await at.seek(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 2; i++) {
      await at.seek(100);
      expect((await at.toInterrupt(0))?.name).toBe('lineUp');
      await at.seek(Number.POSITIVE_INFINITY);
      expect(at.next?.name).toBe('close');
    }
    at.dispose();
  });

  it('signals a line again where the host did', async () => {
    const recorded = await recordedWith((guest) => {
      guest.run(() => false, 1_000_000);
      guest.devices[0]?.signal(0, 1);
      guest.run(() => false, 1_000_000);
    });
    const at = await MachineDebugger.start(recorded, boot);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    at.dispose();
  });

  it('says that it cannot connect a line in mid-run: where to is in no recording', async () => {
    for (const from of ['the host', 'a timer']) {
      const recorded = await recordedWith((guest) => {
        const { machine, devices } = guest;
        const reconnect = () => {
          devices[0]?.disconnectLine(0);
          devices[0]?.connectLine(0, machine.line(20));
        };
        guest.run(() => false, 1_000_000);
        if (from === 'the host') reconnect();
        else machine.clock.setTimer(4, reconnect);
        guest.run(() => false, 100_000);
      });
      const at = await MachineDebugger.start(recorded, boot);
      await expect(at.seek(Number.POSITIVE_INFINITY)).rejects.toMatchObject({
        code: 'TRACE_UNSUPPORTED',
        message: expect.stringContaining('a call connectLine in the middle of the run'),
      });
      at.dispose();
    }
  });

  it('makes the calls of the host again, where they came', async () => {
    const sinks = new Map<string, MemorySink>();
    const guest = await bootFirmwareOn((machine) => recordingInto(sinks, simulatedBoard(machine)));
    const [device] = guest.devices;
    guest.run(() => false, 1_000_000);
    device?.reset();
    device?.pause();
    guest.run(() => false, 300_000);
    device?.resume();
    expect(() => device?.maskLine(99)).toThrow();
    guest.run(() => false, 1_000_000);
    const end = createHash('sha256').update(guest.chip.sram).digest('hex');
    guest.dispose();

    const recorded = openAll(sinks);
    const at = await MachineDebugger.start(recorded, boot, { interval: 50 });
    for (let i = 0; i < 2; i++) {
      await at.seek(Number.POSITIVE_INFINITY);
      expect(at.next?.name).toBe('close');
      expect(createHash('sha256').update(chip.sram).digest('hex')).toBe(end);
      await at.seek(0);
    }
    at.dispose();
  });

  it('keeps only so many states, farther and farther apart, and still finds every place', async () => {
    booted = 0;
    let kept = 0;
    const counting: BootGuest = async (host) => {
      const guest = await boot(host);
      const { machine } = guest;
      const keepState = machine.keepState?.bind(machine);
      machine.keepState = () => {
        kept++;
        return (keepState as () => KeptState)();
      };
      return guest;
    };
    const at = await walk(counting, { interval: 1 });
    const views = await seen(at, 900);
    // 64 at intervals of 1, then 32 at 2, 32 at 4 and so on.
    expect(kept).toBeGreaterThan(64);
    expect(kept).toBeLessThan(64 * 6);
    const positions = [...views.keys()];
    for (const index of [3, 850, 77, 500, 0, 899]) {
      const position = positions[index] as number;
      await at.seek(position);
      expect(view(at)).toBe(views.get(position));
    }
    expect(booted).toBe(1);
    at.dispose();
  });

  it('goes back by the start where the state cannot be kept, as while a PIO runs', async () => {
    booted = 0;
    const withPio: BootGuest = async (host) => {
      const guest = await boot(host);
      (chip.pio[0] as { stopped: boolean }).stopped = false;
      return guest;
    };
    const at = await walk(withPio);
    const views = await seen(at, 40);
    const position = [...views.keys()][10] as number;
    await at.seek(position);
    expect(view(at)).toBe(views.get(position));
    expect(booted).toBeGreaterThan(1);
    at.dispose();
  });

  it('refuses what cannot be walked through', async () => {
    const [trace] = traces;
    await expect(
      MachineDebugger.start([trace as Trace], boot, { walk: traces[1] as Trace }),
    ).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(walk(boot, { interval: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    const withoutDevices: BootGuest = async () => ({ ...(await bootFirmwareOn(simulatedBoard)) });
    await expect(walk(withoutDevices)).rejects.toThrow('was not plugged in');
  });
});

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a guest that does something else', () => {
  it('is told apart from a core that does: the state is the recorded one up to there', async () => {
    const sinks = new Map<string, MemorySink>();
    await runFirmware((machine) =>
      recordingInto(sinks, simulatedBoard(machine), { chunkBytes: 300, checkpointInterval: 100 }),
    );
    const recorded = openAll(sinks);
    const at = await MachineDebugger.start(recorded, boot);
    while (at.position < 700) at.stepForward();
    // The guest forgets everything that it was about to do.
    chip.core.registers.fill(0x2000_0100, 0, 8);
    const error = await at.seek(Number.POSITIVE_INFINITY).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DivergenceError);
    const located = await at.locate(error as DivergenceError);
    const { divergence } = located;
    const trace = recorded.find(({ header }) => header.device.name === located.device);
    expect(divergence.interval).toMatchObject({
      from: trace?.checkpointBefore(divergence.event)?.event,
      to: undefined,
      call: undefined,
      state: [],
      before: 'same',
    });
    expect(divergence.interval?.from).toBeGreaterThan(0);
    expect(divergenceText(divergence)).toContain('is the recorded one');
    // Back it goes all the same, and then does what it should.
    await at.seek(300);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    at.dispose();
  });

  it('a device whose state was changed behind its back is found at the next checkpoint', async () => {
    const sinks = new Map<string, MemorySink>();
    await runFirmware((machine) =>
      recordingInto(sinks, simulatedBoard(machine), { chunkBytes: 300, checkpointInterval: 100 }),
    );
    const at = await MachineDebugger.start(openAll(sinks), boot);
    const { checkpoints } = at.trace;
    const [third, fourth] = checkpoints.slice(2, 4);
    await at.seek((third?.event as number) + 3);
    // One completion too many, which shows in no event.
    const words = Reflect.get(at.device as object, 'words') as Int32Array;
    const completions = (LINE_STATISTICS + 8) >>> 2;
    words[completions] = (words[completions] as number) + 1;
    while (at.position < (checkpoints[6]?.event as number)) at.stepForward();
    const { divergence } = await at.locate(
      thrownBy(() => at.device?.maskLine(0)) as DivergenceError,
    );
    expect(divergence.interval).toMatchObject({
      from: third?.event,
      to: fourth?.event,
      before: 'other',
      state: [{ block: 'line statistics', index: 0, field: 'completions' }],
    });
    expect(divergenceText(divergence)).toMatch(/line statistics 0 completions: \d+, not \d+/);
    at.dispose();
  });
});

describe("a machine of one's own", () => {
  const openOn = (host: VfioHost, clock: VirtualClock) =>
    openDevice(host, { host: 'dev', memoryBytes: 0x200000 }, { clock });

  /** Waits, reads a register, waits. */
  async function recording(): Promise<Trace> {
    const clock = new VirtualClock();
    const host = new SimulatedHost({ clock });
    host.addDevice({ name: 'dev', model: new MemoryDevice() });
    const sink = new MemorySink();
    const device = await openOn(record(host, { uuid: 'own', sink }), clock);
    clock.advance(1000);
    device.read(0, 8, 4);
    clock.advance(1000);
    device.close();
    return Trace.open(sink.bytes());
  }

  const guest =
    (steps: (clock: VirtualClock, device: VfioPlatformDevice) => readonly (() => void)[]) =>
    async (host: VfioHost): Promise<ReplayedGuest> => {
      const clock = new VirtualClock();
      const device = await openOn(host, clock);
      const program = [...steps(clock, device)];
      return {
        machine: { name: 'own', clock } as unknown as Machine,
        run(stop) {
          while (!stop() && program.length > 0) program.shift()?.();
        },
        dispose: () => device.close(),
      };
    };

  const wait = (clock: VirtualClock) => () => clock.advance(1000);

  it('is walked through as any other', async () => {
    const boot = guest((clock, device) => [wait(clock), () => device.read(0, 8, 4), wait(clock)]);
    const at = await MachineDebugger.start([await recording()], boot);
    expect(at.keepsState).toBe(false);
    expect((await at.toAccess({ region: 0, offset: 8 }))?.name).toBe('read');
    expect(at.stepForward()).toBe(true);
    expect(at.timeNs).toBe(1000);
    expect(await at.stepBack()).toBe(true);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    at.dispose();
  });

  it('that does less than recorded is told so, and one that does nothing does not hang', async () => {
    const trace = await recording();
    const idle = await MachineDebugger.start(
      [trace],
      guest((clock) => [wait(clock), wait(clock)]),
    );
    await expect(idle.seek(Number.POSITIVE_INFINITY)).rejects.toThrow(
      'got nothing more, to the end of the run',
    );
    idle.dispose();
    const stuck = await MachineDebugger.start(
      [trace],
      guest(() => []),
    );
    await expect(stuck.seek(Number.POSITIVE_INFINITY)).rejects.toMatchObject({ code: 'MACHINE' });
    stuck.dispose();
  });
});

describe('a recording that was cut off', () => {
  it('is walked by the machine as far as it goes, and back', async () => {
    const sinks = new Map<string, MemorySink>();
    await runFirmware((machine) =>
      recordingInto(sinks, simulatedBoard(machine), { chunkBytes: 4000 }),
    );
    const whole = openAll(sinks);
    const first = whole[0] as Trace;
    const chunk = first.chunks.at(-3);
    const [bytes] = [...sinks.values()].map((sink) => sink.bytes());
    const cut = Trace.open((bytes as Uint8Array).subarray(0, chunk?.at));
    expect(cut.finalised).toBe(false);
    const at = await MachineDebugger.start([cut, ...whole.slice(1)], boot, { interval: 200 });
    // The others go on, and the machine with them until it makes a call that is not there.
    await at.seek(cut.totals.events);
    expect(at.ended).toBe(true);
    expect(at.position).toBeGreaterThan((cut.chunks.at(-1)?.firstEvent ?? 0) + 1);
    expect(at.stepForward()).toBe(false);
    expect(await at.stepBack()).toBe(true);
    expect(at.ended).toBe(false);
    at.dispose();
  });
});
