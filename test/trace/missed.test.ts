import { describe, expect, it } from 'vitest';
import type { VfioHost } from '../../host/boundary/host';
import { openDevice } from '../../host/device/open';
import type { Machine } from '../../host/machines/contract';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { MachineDebugger, type MemorySink, replayHost, Trace } from '../../host/trace';
import { recordingInto } from './firmware-world';

const US = 1000;
type Step = readonly [us: number, device: 'a' | 'b'];

const RUN: readonly Step[] = [
  [100, 'a'],
  [100, 'b'],
  [150, 'a'],
  [200, 'b'],
  [250, 'a'],
  [300, 'b'],
  [350, 'a'],
  [400, 'b'],
];

/** A machine with two devices, whose guest writes to one of them now and then. */
async function guestOf(host: VfioHost, clock: VirtualClock, steps: readonly Step[]) {
  const open = (name: string) => openDevice(host, { host: name, memoryBytes: 0x200000 }, { clock });
  const devices = { a: await open('a'), b: await open('b') };
  const left = [...steps];
  return {
    machine: { name: 'own', clock } as unknown as Machine,
    run(stop: () => boolean, limitNs: number) {
      const endNs = clock.nowNs() + limitNs;
      while (!stop()) {
        const [us, device] = left[0] ?? [Number.POSITIVE_INFINITY, 'a'];
        clock.advance(Math.min(us * US, endNs) - clock.nowNs());
        if (us * US > endNs) return;
        left.shift();
        devices[device].write(0, 0, 4, us);
      }
    },
    dispose() {
      for (const device of Object.values(devices)) device.close();
    },
  };
}

/** The recordings, each up to the last event that is not later than its device's end. */
async function recorded(
  ends: Record<'a' | 'b', number>,
  { lacksEnd }: { readonly lacksEnd?: 'b' } = {},
): Promise<Trace[]> {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  for (const name of ['a', 'b']) host.addDevice({ name, model: new MemoryDevice() });
  const sinks = new Map<string, MemorySink>();
  const guest = await guestOf(recordingInto(sinks, host, { chunkBytes: 1 }), clock, RUN);
  guest.run(() => false, 500 * US);
  guest.dispose();
  return (['a', 'b'] as const).map((name) => {
    const bytes = (sinks.get(name) as MemorySink)
      .bytes()
      .slice(0, name === lacksEnd ? -1 : undefined);
    const whole = Trace.open(bytes);
    expect(whole.chunks.length).toBeLessThan(100);
    const upTo = [...whole.chunks.map(({ at }) => at), bytes.length]
      .reverse()
      .map((end) => Trace.open(bytes.subarray(0, end)));
    return upTo.find((trace) => lastTimeNs(trace) <= ends[name] * US) as Trace;
  });
}

function lastTimeNs(trace: Trace): number {
  let timeNs = 0;
  for (const cursor = trace.cursor(); cursor.next(); ) timeNs = cursor.event.timeNs;
  return timeNs;
}

const without = (us: number, device: string) =>
  RUN.filter(([at, name]) => at !== us || name !== device);

const inAnyOrder = [
  ['a first', (traces: Trace[]) => traces],
  ['b first', (traces: Trace[]) => [...traces].reverse()],
] as const;

describe.each(inAnyOrder)('what a guest leaves out (recordings: %s)', (_, order) => {
  const walkToEnd = async (traces: Trace[], steps: readonly Step[]) => {
    const at = await MachineDebugger.start(traces, (host) =>
      guestOf(host, new VirtualClock(), steps),
    );
    try {
      await at.seek(Number.POSITIVE_INFINITY);
      return at.endedBy?.header.device.name;
    } finally {
      at.dispose();
    }
  };
  /** Runs it up to where nothing more is known, or for so long. */
  const runToEnd = async (traces: Trace[], steps: readonly Step[], us: number) => {
    const host = replayHost(traces);
    const guest = await guestOf(host, new VirtualClock(), steps);
    guest.run(() => host.ended, us * US);
    try {
      host.finish();
      return host.endedBy?.header.device.name;
    } finally {
      guest.dispose();
    }
  };

  it('is none in a run that goes as recorded, however much others have behind the first end', async () => {
    for (const ends of [
      { a: 350, b: 200 },
      { a: 250, b: 999 },
      { a: 999, b: 100 },
    ]) {
      const traces = order(await recorded(ends));
      const first = ends.a < ends.b ? 'a' : 'b';
      expect(await walkToEnd(traces, RUN)).toBe(first);
      expect(await runToEnd(traces, RUN, 500)).toBe(first);
    }
  });

  it('is the fault of the device that misses it, not of one that goes on later', async () => {
    const traces = order(await recorded({ a: 350, b: 200 }));
    const steps = without(200, 'b').filter(([us]) => us <= 200);
    const fault = { code: 'TRACE_DIVERGED', device: 'b' };
    await expect(walkToEnd(traces, steps)).rejects.toMatchObject(fault);
    await expect(runToEnd(traces, steps, 220)).rejects.toMatchObject(fault);
  });

  it('is found also where another recording was cut off behind it', async () => {
    for (const a of [350, 999]) {
      const traces = order(await recorded({ a, b: 200 }));
      const fault = { code: 'TRACE_DIVERGED', device: 'a' };
      await expect(walkToEnd(traces, without(150, 'a'))).rejects.toMatchObject(fault);
      await expect(runToEnd(traces, without(150, 'a'), 500)).rejects.toMatchObject(fault);
    }
  });

  it('is not looked for behind the first end, where the guest goes on without a device', async () => {
    const traces = order(await recorded({ a: 350, b: 200 }));
    const host = replayHost(traces);
    const guest = await guestOf(host, new VirtualClock(), RUN.slice(0, 4));
    guest.run(() => false, 1000 * US);
    guest.dispose();
    host.finish();
    expect(host.endedBy?.header.device.name).toBe('b');
  });

  it('is a divergence also in a recording that only lacks its end chunk', async () => {
    const traces = order(await recorded({ a: 999, b: 999 }, { lacksEnd: 'b' }));
    expect(traces.filter(({ finalised }) => finalised)).toHaveLength(1);
    await expect(walkToEnd(traces, without(400, 'b'))).rejects.toMatchObject({
      code: 'TRACE_DIVERGED',
      device: 'b',
    });
  });
});
