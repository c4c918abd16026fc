import { describe, expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SeededRandom, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  CoreReplay,
  DivergenceError,
  MemorySink,
  record,
  Trace,
  TraceDebugger,
} from '../../host/trace';
import { recordedLife, walkFromCheckpoints } from './lives';
import { lifeOf } from './random-life';

/** All that can be seen of the device where the debugger stands. */
function view(at: TraceDebugger): string {
  const { device } = at;
  const open = device !== undefined && !device.closed;
  return JSON.stringify([
    at.position,
    at.timeNs,
    device?.statistics,
    open && device.lines,
    open && device.directMapping,
  ]);
}

/** What is seen at each call, walking from the start. */
async function walk(trace: Trace): Promise<Map<number, string>> {
  const at = await TraceDebugger.start(trace);
  const views = new Map<number, string>();
  do views.set(at.position, view(at));
  while (at.stepForward());
  at.dispose();
  return views;
}

// Lives whose opening does not fail, with and without direct mapping, of both policies.
const seeds = [2, 3, 5, 8, 13, 21, 34, 55];

describe('walking through a recording', () => {
  it.each(seeds)(
    'seed %i: every seek, back and forth, finds what a walk has seen',
    async (seed) => {
      const { trace, log } = await recordedLife(seed);
      if (!log.opened) return;
      expect(trace.checkpoints.length, JSON.stringify(lifeOf(seed))).toBeGreaterThan(0);
      const views = await walk(trace);
      const places = [...views.keys()];
      const random = new SeededRandom(seed);
      const at = await TraceDebugger.start(trace);
      for (let i = 0; i < 25; i++) {
        const place = places[random.below(places.length)] as number;
        await at.seek(place);
        expect(at.position).toBe(place);
        expect(view(at)).toBe(views.get(place));
      }
      // And from the last place everything follows as it did.
      while (at.stepForward()) expect(view(at)).toBe(views.get(at.position));
      at.dispose();
    },
  );

  it.each(seeds)(
    'seed %i: a device taken from any checkpoint goes on as recorded',
    async (seed) => {
      const { trace, log } = await recordedLife(seed);
      if (!log.opened) return;
      for (const checkpoint of trace.checkpoints) {
        const replay = await CoreReplay.at(trace, checkpoint);
        expect(replay?.position).toBe(checkpoint.event);
        replay?.run();
        expect(replay?.ended).toBe(true);
        replay?.dispose();
      }
    },
  );

  it('steps back to where it came from', async () => {
    const { trace } = await recordedLife(3);
    const views = await walk(trace);
    const places = [...views.keys()];
    const at = await TraceDebugger.start(trace);
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.next).toBeUndefined();
    for (const place of places.slice(-12, -1).reverse()) {
      expect(await at.stepBack()).toBe(true);
      expect(view(at)).toBe(views.get(place));
    }
    await at.seek(places[0] as number);
    expect(await at.stepBack()).toBe(false);
    at.dispose();
  });

  it('goes to the next interrupt of a line and the next access to a register', async () => {
    const { trace } = await recordedLife(3);
    const cursor = trace.cursor();
    const ups: number[] = [];
    const reads: number[] = [];
    while (cursor.next()) {
      const { event } = cursor;
      if (event.phase !== 'whole' && event.phase !== 'begin') continue;
      if (event.name === 'lineUp' && event.args[0] === 0) ups.push(event.ordinal);
      if (event.name === 'read' && event.args[1] === 0x10) reads.push(event.ordinal);
    }
    expect(ups.length).toBeGreaterThan(0);
    expect(reads.length).toBeGreaterThan(0);
    const at = await TraceDebugger.start(trace);
    const first = await at.toInterrupt(0);
    expect(first?.event).toBe(ups[0]);
    expect(at.position).toBeLessThanOrEqual(first?.event ?? 0);
    at.stepForward();
    expect(at.position).toBeGreaterThan(first?.event ?? 0);
    await at.seek(0);
    const read = await at.toAccess({ region: 0, offset: 0x10, direction: 'read' });
    expect(read?.event).toBe(reads[0]);
    at.dispose();
  });

  it('finds the same again once it has left, whatever was asked in between', async () => {
    const { trace } = await recordedLife(3);
    const at = await TraceDebugger.start(trace);
    const first = await at.toInterrupt(0);
    const there = at.position;
    // What was asked for an access is nothing to an interrupt.
    expect(await at.toAccess({ region: 0, offset: 0x7ffc })).toBeUndefined();
    await at.seek(0);
    await at.seek(there);
    expect((await at.toInterrupt(0))?.event).toBe(first?.event);
    expect((await at.toInterrupt(0))?.event).toBeGreaterThan(first?.event as number);
    at.dispose();
  });

  it('finds every place again after an error', async () => {
    const { trace } = await recordedLife(3);
    const views = await walk(trace);
    const places = [...views.keys()];
    const at = await TraceDebugger.start(trace);
    if (at.device === undefined) throw new Error('no device');
    at.device.safePoint = () => {
      throw new Error('another core');
    };
    expect(() => {
      while (at.stepForward());
    }).toThrow(DivergenceError);
    expect(() => at.stepForward()).toThrow();
    expect(() => at.checkpoint()).toThrow();
    const broken = at.position;
    const ahead = places.filter((place) => place >= broken).slice(0, 3);
    expect(ahead.length).toBeGreaterThan(0);
    for (const place of ahead) {
      await at.seek(place);
      expect(view(at)).toBe(views.get(place));
    }
    at.dispose();
  });
});

it('knows no line that was disconnected before the checkpoint it comes from', async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new MemoryDevice({ lines: ['edge'] }) });
  const sink = new MemorySink();
  const recording = record(host, { uuid: 'it', sink, chunkBytes: 1, checkpointInterval: 1 });
  // A machine that maps the device needs a timer, which the debugger learns from a line.
  const device = await openDevice(recording, { host: 'dev' }, { clock, setDirectMapping() {} });
  device.connectLine(0, { up() {}, down() {} });
  device.signal(0, 1);
  const raised = device.snapshot();
  device.disconnectLine(0);
  device.restore(raised);
  device.close();
  await walkFromCheckpoints(Trace.open(sink.bytes()));
});
