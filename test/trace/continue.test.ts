import { describe, expect, it } from 'vitest';
import type { VfioPlatformDevice } from '../../host/device/device';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, Pl031, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  continueRecording,
  MemorySink,
  record,
  replayCore,
  replayDevice,
  Trace,
  TraceDebugger,
} from '../../host/trace';

function board() {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const model = new MemoryDevice({ lines: ['edge', 'edge', 'level'] });
  const placed = host.addDevice({ name: 'dev', model });
  return { clock, host, placed };
}

type Board = ReturnType<typeof board>;

/** Where lines are, as a machine sees them. */
function wires() {
  const up = new Set<number>();
  const target = (line: number) => ({
    up: () => up.add(line),
    down: () => up.delete(line),
  });
  return { up, target };
}

/** A story whose middle is worth going on from: one line handled, one waiting, one masked. */
function middle({ placed, clock }: Board, device: VfioPlatformDevice): void {
  placed.pulse(0);
  device.safePoint();
  clock.advance(1000);
  placed.pulse(1);
  device.safePoint();
  device.maskLine(2);
  placed.setLine(2, true);
  clock.advance(1000);
}

/** How it goes on: what the guest sees at each step. */
function rest({ clock }: Board, device: VfioPlatformDevice, up: ReadonlySet<number>) {
  const seen: unknown[] = [];
  const look = () =>
    seen.push([
      [...up].sort(),
      device.lines.map(({ state, up: high, maskRequested }) => [state, high, maskRequested]),
    ]);
  look();
  for (let i = 0; i < 2; i++) {
    device.write(0, 8, 4, i);
    device.safePoint();
    look();
  }
  device.unmaskLine(2);
  device.safePoint();
  look();
  clock.advance(1000);
  device.write(0, 8, 4, 9);
  look();
  return seen;
}

async function recordedStory() {
  const there = board();
  const sink = new MemorySink();
  const { up, target } = wires();
  const device = await openDevice(
    record(there.host, { uuid: 'story', sink, chunkBytes: 60, checkpointInterval: 5 }),
    { host: 'dev', eoi: { default: 'write' } },
    { clock: there.clock },
  );
  for (const line of [0, 1, 2]) device.connectLine(line, target(line));
  device.setEoiSource(0, 'access');
  device.addEoiRule({ region: 0, offset: 0x40, access: 'write', line: 2 });
  device.setEoiSource(2, 'write');
  middle(there, device);
  device.safePoint();
  const seen = rest(there, device, up);
  device.close();
  const trace = Trace.open(sink.bytes());
  return { trace, seen };
}

/** Number of the event right behind the story's middle: its last safe point before the rest. */
function behindMiddle(trace: Trace): number {
  const cursor = trace.cursor();
  const safePoints: number[] = [];
  while (cursor.next()) {
    const { name, phase, ordinal } = cursor.event;
    if (name === 'safePoint' && phase !== 'end') safePoints.push(ordinal);
  }
  return safePoints[2] as number;
}

describe('going on from a recording, live', () => {
  it('the device does on another host what it would have done', async () => {
    const { trace, seen } = await recordedStory();
    expect((await replayCore(trace)).ok).toBe(true);
    expect(trace.checkpoints.length).toBeGreaterThan(0);
    const here = board();
    // The same wire is high here; that is the board's, not the recording's.
    here.placed.setLine(2, true);
    const { up, target } = wires();
    const device = await continueRecording(trace, here.host, {
      event: behindMiddle(trace),
      clock: here.clock,
      target,
    });
    device.safePoint();
    expect(rest(here, device, up)).toEqual(seen);
    device.close();
    expect(here.host.kernel.resources?.()).toMatchObject({ fds: 0, mappings: 0 });
  });

  it('what happens from there on is of the new host', async () => {
    const { trace } = await recordedStory();
    const here = board();
    const { up, target } = wires();
    const device = await continueRecording(trace, here.host, {
      event: behindMiddle(trace),
      clock: here.clock,
      target,
    });
    expect([...up]).toEqual([0]);
    device.write(0, 8, 4, 1);
    expect([...up]).toEqual([1]);
    device.write(0, 8, 4, 1);
    expect([...up]).toEqual([]);
    here.placed.pulse(1);
    device.safePoint();
    expect([...up]).toEqual([1]);
    // The line that was masked stays so, and comes when it is unmasked.
    here.placed.setLine(2, true);
    device.safePoint();
    expect(device.lines[2]).toMatchObject({ maskRequested: true, up: false });
    device.write(0, 8, 4, 1);
    device.unmaskLine(2);
    device.safePoint();
    expect([...up]).toEqual([2]);
    device.close();
  });

  it('from its end, and can be recorded again', async () => {
    const { trace } = await recordedStory();
    const here = board();
    const sink = new MemorySink();
    const device = await continueRecording(trace, record(here.host, { uuid: 'more', sink }), {
      clock: here.clock,
      target: wires().target,
    });
    here.placed.pulse(0);
    device.safePoint();
    device.read(0, 0, 4);
    device.close();
    const again = Trace.open(sink.bytes());
    expect((await replayCore(again)).ok).toBe(true);
  });

  it('with the recorded device behind it, which goes on there as well', async () => {
    const clock = new VirtualClock();
    const host = new SimulatedHost({ clock });
    host.addDevice({ name: 'rtc', model: new Pl031(), bus: 'amba' });
    const sink = new MemorySink();
    const first = await openDevice(
      record(host, { uuid: 'rtc', sink }),
      { host: 'rtc', memoryBytes: 0x200000 },
      { clock },
    );
    const lines = wires();
    first.connectLine(0, lines.target(0));
    for (const [offset, value] of [
      [0x0c, 1],
      [8, 1000],
      [4, 1003],
      [0x10, 1],
    ] as const) {
      first.write(0, offset, 4, value);
    }
    clock.advance(1e9);
    const before = first.read(0, 0, 4);
    clock.advance(2e9);
    first.safePoint();
    expect([...lines.up]).toEqual([0]);
    expect(first.read(0, 0x18, 4)).toBe(1);
    first.write(0, 0x1c, 4, 1);
    first.close();
    expect(before).toBe(1001);

    const trace = Trace.open(sink.bytes());
    const cursor = trace.cursor();
    while (cursor.next() && !(cursor.event.name === 'read' && cursor.event.args[1] === 0));
    const event = cursor.event.ordinal + 1;
    const later = new VirtualClock();
    const there = new SimulatedHost({ clock: later });
    there.addDevice({
      name: 'rtc',
      model: replayDevice(trace, { from: event, matching: 'strict' }),
      bus: 'amba',
    });
    const { up, target } = wires();
    const device = await continueRecording(trace, there, { event, clock: later, target });
    device.safePoint();
    expect([...up]).toEqual([]);
    later.advance(2e9);
    device.safePoint();
    expect([...up]).toEqual([0]);
    expect(device.read(0, 0x18, 4)).toBe(1);
    device.write(0, 0x1c, 4, 1);
    expect([...up]).toEqual([]);
    device.close();
  });

  it('leaves nothing open where the host has another device', async () => {
    const { trace } = await recordedStory();
    const clock = new VirtualClock();
    const host = new SimulatedHost({ clock });
    host.addDevice({ name: 'dev', model: new MemoryDevice({ lines: ['edge'] }) });
    await expect(
      continueRecording(trace, host, { clock, target: wires().target }),
    ).rejects.toMatchObject({ name: 'VfioError' });
    expect(host.kernel.resources?.()).toMatchObject({ fds: 0, mappings: 0 });
  });
});

describe('a recording that was cut off inside a call', () => {
  /** Ends inside the third interrupt, whose target flushes and then reads a register. */
  async function cutInCall(): Promise<Trace> {
    const { clock, host, placed } = board();
    const sink = new MemorySink();
    const recording = record(host, { uuid: 'cut', sink });
    const device = await openDevice(recording, { host: 'dev' }, { clock });
    let count = 0;
    device.connectLine(0, {
      up() {
        if (++count === 3) recording.flush();
        device.read(0, 8, 4);
      },
      down() {},
    });
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      placed.pulse(0);
      device.safePoint();
    }
    device.close();
    const whole = Trace.open(sink.bytes());
    return Trace.open(sink.bytes().subarray(0, whole.chunks[1]?.at));
  }

  it('is walked to before that call, and back', async () => {
    const trace = await cutInCall();
    const at = await TraceDebugger.start(trace);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next?.depth).toBe(0);
    expect(at.position).toBeLessThan(trace.totals.events);
    expect(at.ended).toBe(true);
    expect(at.stepForward()).toBe(false);
    const end = at.position;
    expect(await at.stepBack()).toBe(true);
    expect(at.position).toBeLessThan(end);
    at.dispose();
  });

  it('is gone on from before that call', async () => {
    const here = board();
    const { target } = wires();
    const device = await continueRecording(await cutInCall(), here.host, {
      clock: here.clock,
      target,
    });
    expect(device.closed).toBe(false);
    device.close();
  });
});
