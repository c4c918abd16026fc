import { createHash } from 'node:crypto';
import type { RP2040 } from 'rp2040js';
import { describe, expect, it } from 'vitest';
import type { VfioHost } from '../../host/boundary/host';
import { openDevice } from '../../host/device/open';
import type { Machine } from '../../host/machines/contract';
import { Pl031, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  type BootGuest,
  MachineDebugger,
  MemorySink,
  record,
  replayHost,
  Trace,
} from '../../host/trace';
import { bootFirmwareOn, openAll, recordingInto, simulatedBoard } from './firmware-world';

type Guest = Awaited<ReturnType<typeof bootFirmwareOn>>;

const MS = 1e6;
let booted = 0;
let chip: RP2040;

const boot: BootGuest = async (host) => {
  booted++;
  const guest = await bootFirmwareOn(() => host);
  chip = guest.chip;
  return guest;
};

interface Recorded {
  readonly traces: Trace[];
  /** What the guest's memory was in the end. */
  readonly sram: string;
}

/** The firmware's three devices while `act` runs the guest and calls them. */
async function recorded(act: (guest: Guest) => void): Promise<Recorded> {
  const sinks = new Map<string, MemorySink>();
  const guest = await bootFirmwareOn((machine) => recordingInto(sinks, simulatedBoard(machine)));
  act(guest);
  const sram = hash(guest.chip);
  guest.dispose();
  return { traces: openAll(sinks), sram };
}

function hash({ sram }: RP2040): string {
  return createHash('sha256').update(sram).digest('hex');
}

function run(guest: Guest, ns: number): void {
  guest.run(() => false, ns);
}

/** All that can be seen of the guest, and of the device that is walked along. */
function view(at: MachineDebugger): string {
  const { core } = chip;
  const device = at.device?.closed === false ? [at.device.lines, at.device.statistics] : 'gone';
  return JSON.stringify([at.position, at.timeNs, core.PC, [...core.registers], hash(chip), device]);
}

function names(trace: Trace): string[] {
  const found: string[] = [];
  const cursor = trace.cursor();
  while (cursor.next()) if (cursor.event.depth === 0) found.push(cursor.event.name);
  return found;
}

/** Walks to the end, in steps to the start and to the end again: the same everywhere. */
async function walkBothWays({ traces, sram }: Recorded, walk = traces[0] as Trace): Promise<void> {
  const at = await MachineDebugger.start(traces, boot, { walk, interval: 50 });
  const views = new Map<number, string>();
  do views.set(at.position, view(at));
  while (at.stepForward());
  await at.seek(Number.POSITIVE_INFINITY);
  if (walk === traces[0]) expect(hash(chip)).toBe(sram);
  const end = view(at);
  const positions = [...views.keys()];
  for (const part of [0.9, 0.6, 0.3, 0.7, 0]) {
    const position = positions[Math.floor(positions.length * part)] as number;
    await at.seek(position);
    expect(view(at)).toBe(views.get(position));
  }
  await at.seek(Number.POSITIVE_INFINITY);
  expect(view(at)).toBe(end);
  at.dispose();
}

describe('calls that the host makes from timers', () => {
  it('are made again at their time, within the instruction in which it came', async () => {
    const run1 = await recorded((guest) => {
      const { clock } = guest.machine;
      const [rtc, gpio] = guest.devices;
      clock.setTimer(1.0371 * MS, () => rtc?.reset());
      clock.setTimer(1.5 * MS + 3, () => rtc?.maskLine(0));
      clock.setTimer(1.7 * MS + 1, () => {
        rtc?.unmaskLine(0);
        gpio?.pause();
        gpio?.resume();
      });
      run(guest, 3 * MS);
    });
    const calls = names(run1.traces[0] as Trace);
    for (const name of ['reset', 'maskLine', 'unmaskLine']) expect(calls).toContain(name);
    await walkBothWays(run1);
  });

  it('are made again where other timers are due at the same time, before and behind them', async () => {
    // A safe point of the machine is every 20 us.
    const run1 = await recorded((guest) => {
      const { clock } = guest.machine;
      const [rtc] = guest.devices;
      for (let at = 20_000; at < MS; at += 20_000) {
        clock.setTimer(at, () => rtc?.signal(0, 1));
        clock.setTimer(at, () => rtc?.reset());
      }
      run(guest, MS);
      // Created late: behind what is due at the same time already.
      for (let at = 20_000; at < MS; at += 20_000) clock.setTimer(at, () => rtc?.maskLine(0));
      run(guest, 2 * MS);
    });
    await walkBothWays(run1);
  });

  it('go with those that it makes between two instructions', async () => {
    const run1 = await recorded((guest) => {
      const { clock } = guest.machine;
      const [rtc, , uart] = guest.devices;
      rtc?.maskLine(0);
      clock.setTimer(0, () => rtc?.unmaskLine(0));
      run(guest, 0.5 * MS);
      uart?.reset();
      clock.setTimer(12, () => uart?.reset());
      clock.setTimer(12, () => expect(() => uart?.maskLine(99)).toThrow());
      run(guest, MS);
      rtc?.reset();
    });
    await walkBothWays(run1);
    await walkBothWays(run1, run1.traces[2]);
  });

  it('that the guest boots with are made once, by its own timers', async () => {
    const withTimers = (guest: Guest) => {
      const { clock } = guest.machine;
      for (const at of [4, 1.2 * MS + 5]) clock.setTimer(at, () => guest.devices[0]?.reset());
      return guest;
    };
    const run1 = await recorded((guest) => run(withTimers(guest), 2 * MS));
    const at = await MachineDebugger.start(run1.traces, async (host) => {
      const guest = await bootFirmwareOn(() => host);
      chip = guest.chip;
      return withTimers(guest);
    });
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    expect(hash(chip)).toBe(run1.sram);
    at.dispose();
  });
});

describe('with replayHost()', () => {
  const reset = (guest: Guest) =>
    guest.machine.clock.setTimer(1.0371 * MS, () => guest.devices[0]?.reset());

  it('calls of the host are for whoever runs the machine to make again', async () => {
    const { traces, sram } = await recorded((guest) => {
      reset(guest);
      run(guest, 2 * MS);
    });
    const host = replayHost(traces);
    const guest = await bootFirmwareOn(() => host);
    reset(guest);
    run(guest, 2 * MS);
    expect(hash(guest.chip)).toBe(sram);
    guest.dispose();
    host.finish();

    const without = await bootFirmwareOn(() => replayHost(traces));
    expect(() => run(without, 2 * MS)).toThrow('expected reset');
    without.dispose();
  });
});

describe('calls that the host makes from inside an access', () => {
  const RTCLR = 0x08;

  /** Tells of what is loaded into it, while it is. */
  class LoudClock extends Pl031 {
    onLoad: (value: number) => void = () => {};
    protected override writeWord(offset: number, value: number, strobes: number): void {
      super.writeWord(offset, value, strobes);
      if (offset === RTCLR) this.onLoad(value);
    }
  }

  async function guest(host: VfioHost, clock: VirtualClock) {
    const device = await openDevice(host, { host: 'rtc', memoryBytes: 0x200000 }, { clock });
    device.connectLine(0, { up() {}, down() {} });
    const program = [1, 2, 3].flatMap((seconds) => [
      () => device.write(0, RTCLR, 4, seconds),
      () => clock.advance(100_000),
    ]);
    return {
      device,
      machine: { name: 'own', clock } as unknown as Machine,
      run(stop: () => boolean) {
        while (!stop() && program.length > 0) program.shift()?.();
      },
      dispose: () => device.close(),
    };
  }

  it('are made again inside it', async () => {
    const clock = new VirtualClock();
    const host = new SimulatedHost({ clock });
    const model = new LoudClock();
    host.addDevice({ name: 'rtc', bus: 'amba', model });
    const sink = new MemorySink();
    const first = await guest(record(host, { uuid: 'inside', sink }), clock);
    model.onLoad = (seconds) => {
      if (seconds === 2) first.device.maskLine(0);
    };
    first.run(() => false);
    first.device.close();
    const trace = Trace.open(sink.bytes());
    const depths: number[] = [];
    const cursor = trace.cursor();
    while (cursor.next()) if (cursor.event.name === 'maskLine') depths.push(cursor.event.depth);
    expect(Math.max(...depths)).toBeGreaterThan(0);

    const at = await MachineDebugger.start([trace], (replay) => guest(replay, new VirtualClock()));
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.name).toBe('close');
    expect(at.device?.lines[0]).toMatchObject({ maskRequested: true });
    at.dispose();
  });
});

describe('a device that is unplugged in mid-run', () => {
  const unplugging = () =>
    recorded((guest) => {
      run(guest, MS);
      guest.plugged[1]?.unplug();
      run(guest, 2 * MS);
    });

  it('is taken out of the machine again, and is there again further back', async () => {
    const run1 = await unplugging();
    await walkBothWays(run1);
    booted = 0;
    const [, gone] = run1.traces as [Trace, Trace, Trace];
    const at = await MachineDebugger.start(run1.traces, boot, { walk: gone, interval: 50 });
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.ended).toBe(true);
    expect(at.device?.closed).toBe(true);
    expect(at.next).toBeUndefined();
    expect(at.stepForward()).toBe(false);
    const { position } = at;
    expect(await at.stepBack()).toBe(true);
    expect(at.device?.closed).toBe(false);
    expect(at.stepForward()).toBe(true);
    expect(at.position).toBe(position);
    expect(at.device?.closed).toBe(true);
    // Nothing brings a device back into a machine, so it was run from its start.
    expect(booted).toBeGreaterThan(1);
    at.dispose();
  });

  it('goes also where a timer takes it out, before the guest looks at it and after', async () => {
    for (const at of [0.7 * MS + 3, 4 * MS + 3, 12 * MS + 5]) {
      await walkBothWays(
        await recorded((guest) => {
          guest.machine.clock.setTimer(at, () => guest.plugged[1]?.unplug());
          run(guest, at + MS);
        }),
      );
    }
  });

  it('leaves states of the machine that can be gone back to behind it', async () => {
    const run1 = await unplugging();
    booted = 0;
    const at = await MachineDebugger.start(run1.traces, boot, { interval: 20 });
    await at.seek(Number.POSITIVE_INFINITY);
    const there = at.position - 10;
    await at.seek(there);
    expect(at.position).toBeLessThanOrEqual(there);
    expect(booted).toBe(1);
    at.dispose();
  });

  it('needs a guest that can take it out, and says so otherwise', async () => {
    const { traces } = await unplugging();
    const at = await MachineDebugger.start(traces, async (host) => {
      const { unplug: _, ...guest } = await bootFirmwareOn(() => host);
      return guest;
    });
    await expect(at.seek(Number.POSITIVE_INFINITY)).rejects.toMatchObject({
      code: 'TRACE_UNSUPPORTED',
      message: expect.stringMatching(/taken out.*unplug\(\)/),
    });
    at.dispose();
  });

  describe.each([
    ['between two instructions', unplugging],
    [
      'from a timer',
      () =>
        recorded((guest) => {
          guest.machine.clock.setTimer(0.7 * MS + 3, () => guest.plugged[1]?.unplug());
          run(guest, MS);
        }),
    ],
  ])('%s', (_, taken) => {
    /** Walks to the end with a guest whose unplug() is another; gives the error. */
    async function walkWith(
      unplug: (guest: Guest, name: string) => void,
    ): Promise<Error & { code?: string }> {
      const { traces } = await taken();
      const at = await MachineDebugger.start(traces, async (host) => {
        const guest = await bootFirmwareOn(() => host);
        let calls = 0;
        return {
          ...guest,
          unplug(name: string) {
            if (++calls > 10) throw new Error('asked again and again');
            unplug(guest, name);
          },
        };
      });
      const error = await at.seek(Number.POSITIVE_INFINITY).then(
        () => new Error('it went to its end'),
        (thrown) => thrown,
      );
      at.dispose();
      return error;
    }

    it('is an error where the guest does not take it out', async () => {
      const error = await walkWith(() => {});
      expect(error).toMatchObject({
        code: 'MACHINE',
        message: expect.stringMatching(/^(.*): unplug\(\) of the replayed guest did not close/),
      });
    });

    it('is an error where the guest cannot, with its reason', async () => {
      const reason = new Error('no such device');
      const error = await walkWith(() => {
        throw reason;
      });
      expect(error).toMatchObject({ code: 'MACHINE', cause: reason });
    });

    it('tells what went wrong behind the closing', async () => {
      const reason = new Error('the slot is stuck');
      const error = await walkWith((guest, name) => {
        guest.unplug(name);
        throw reason;
      });
      expect(error).toBe(reason);
    });

    it('finds a divergence that the guest wraps', async () => {
      const error = await walkWith((guest, name) => {
        try {
          guest.devices.find((each) => each.name === name)?.reset();
        } catch (cause) {
          throw new Error('cannot reset it first', { cause });
        }
      });
      expect(error).toMatchObject({ code: 'TRACE_DIVERGED' });
    });
  });
});
