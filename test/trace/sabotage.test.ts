import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  type Divergence,
  divergenceText,
  MemorySink,
  type RecordOptions,
  record,
  replayCore,
  Trace,
} from '../../host/trace';
import { locateInCore } from '../../host/trace/replay/locate';
import { recordedLife } from './lives';

/** Builds the core from sources in which one thing is changed. */
function changedCore(folder: string, file: string, from: RegExp, to: string): WebAssembly.Module {
  cpSync('assembly', join(folder, 'assembly'), { recursive: true });
  const path = join(folder, 'assembly', file);
  const source = readFileSync(path, 'utf8');
  expect(source, `${file} has what the test changes`).toMatch(from);
  writeFileSync(path, source.replace(from, to));
  const { options } = JSON.parse(readFileSync('asconfig.json', 'utf8'));
  const config = { options: { ...options, bindings: undefined }, targets: { changed: {} } };
  writeFileSync(join(folder, 'asconfig.json'), JSON.stringify(config));
  execFileSync(
    process.execPath,
    [
      resolve('node_modules/assemblyscript/bin/asc.js'),
      'assembly/index.ts',
      ...['--config', 'asconfig.json', '--target', 'changed'],
      ...['--optimizeLevel', '1', '--outFile', 'changed.wasm'],
    ],
    { cwd: folder, stdio: 'pipe' },
  );
  return new WebAssembly.Module(readFileSync(join(folder, 'changed.wasm')));
}

/** Numbers of the events of this name. */
function eventsOf(trace: Trace, name: string): number[] {
  const cursor = trace.cursor();
  const found: number[] = [];
  while (cursor.next()) {
    const { name: its, phase, ordinal } = cursor.event;
    if (its === name && (phase === 'whole' || phase === 'begin')) found.push(ordinal);
  }
  return found;
}

/** An edge that is completed alone, then one with another edge behind it. */
async function edgesBehindAnEoi(
  options: Partial<RecordOptions> = {},
): Promise<{ readonly trace: Trace; readonly eois: number }> {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const placed = host.addDevice({ name: 'dev', model: new MemoryDevice({ lines: ['edge'] }) });
  const sink = new MemorySink();
  const device = await openDevice(
    record(host, { uuid: 'edges', sink, ...options }),
    { host: 'dev', memoryBytes: 0x200000 },
    { clock },
  );
  let eois = 0;
  device.connectLine(0, {
    up() {},
    down: () => {
      eois++;
    },
  });
  const eoi = () => {
    clock.advance(1000);
    device.write(0, 8, 4, 1);
    device.safePoint();
  };
  placed.pulse(0);
  device.safePoint();
  eoi();
  placed.pulse(0);
  device.safePoint();
  placed.pulse(0);
  device.safePoint();
  for (let i = 0; i < 40; i++) device.safePoint();
  eoi();
  eoi();
  device.close();
  return { trace: Trace.open(sink.bytes()), eois };
}

/** Number of the first event of this name. */
function firstEvent(trace: Trace, name: string): number | undefined {
  const cursor = trace.cursor();
  while (cursor.next()) if (cursor.event.name === name) return cursor.event.ordinal;
  return undefined;
}

describe('a core that is not the recorded one', () => {
  let folder: string;
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true });
    folder = mkdtempSync('.cache/sabotage-');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('that forgets to unmask a completed line is caught at the first unmask', async () => {
    const core = changedCore(
      folder,
      'boundary/effects.ts',
      /EFFECT_UNMASK = 0x20000;/,
      'EFFECT_UNMASK = 0;',
    );
    let caught = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const { trace } = await recordedLife(seed);
      const wrong = firstEvent(trace, 'unmask');
      expect((await replayCore(trace)).ok).toBe(true);
      const report = await replayCore(trace, { core });
      if (wrong === undefined) {
        expect(report.ok, `seed ${seed}`).toBe(true);
        continue;
      }
      caught++;
      expect(report.ok).toBe(false);
      expect(report.divergence?.event, `seed ${seed}`).toBe(wrong);
      expect(report.divergence?.expected).toMatch(/^unmask line=/);
      expect(report.divergence?.before.length).toBeGreaterThan(0);
      expect(report.divergence?.lines.length).toBeGreaterThan(0);
    }
    expect(caught).toBeGreaterThan(5);
  });

  it('that forgets the edge behind an EOI is caught where that edge should go up', async () => {
    // completeSerial(): the line waits no more, though an edge of it was counted.
    const core = changedCore(
      folder,
      'irq/strict.ts',
      /record\.again--;\n( +)record\.state = LINE_PENDING;\n +append\(line\);/,
      'record.again = 0;',
    );
    const { trace, eois } = await edgesBehindAnEoi();
    expect((await replayCore(trace)).ok).toBe(true);
    const report = await replayCore(trace, { core });
    expect(report.ok).toBe(false);
    const ups = eventsOf(trace, 'lineUp');
    expect(ups).toHaveLength(3);
    // The EOI before the edge is the same in both; what differs is the second time up.
    expect(report.divergence?.event).toBe(ups[2]);
    expect(report.divergence?.expected).toBe('lineUp line=0');
    expect(report.divergence?.actual).not.toMatch(/^lineUp/);
    expect(eois).toBe(3);
    // It came about in that very call: up to it the state was the recorded one.
    const { interval } = report.divergence ?? {};
    expect(interval).toMatchObject({ from: 0, to: undefined, before: 'same' });
    expect(interval?.call).toBeLessThan(ups[2] as number);
    expect(interval?.state).toContainEqual({
      block: 'lines',
      index: 0,
      field: 'state',
      expected: expect.any(Number),
      actual: expect.any(Number),
    });
  });

  it('that never notes the edge is caught later, and found in the interval where it forgot', async () => {
    const core = changedCore(
      folder,
      'irq/strict.ts',
      /record\.again = min\(wanted, most\);/,
      'record.again = 0;',
    );
    const { trace } = await edgesBehindAnEoi({ chunkBytes: 20, checkpointInterval: 4 });
    const report = await replayCore(trace, { core });
    const ups = eventsOf(trace, 'lineUp');
    expect(report.divergence?.event).toBe(ups[2]);
    // The safe point that took the second edge while the first was being handled.
    const rings = eventsOf(trace, 'ring');
    const guilty = (rings[2] as number) + 1;
    const { interval } = report.divergence ?? {};
    expect(interval?.call).toBe(guilty);
    expect(interval?.from).toBeLessThanOrEqual(guilty);
    expect(interval?.to).toBeGreaterThan(guilty);
    expect(interval?.to).toBeLessThan(ups[2] as number);
    expect(interval?.before).toBe('other');
    expect(interval?.state).toContainEqual({
      block: 'lines',
      index: 0,
      field: 'again',
      expected: 1,
      actual: 0,
    });
    const told = divergenceText(report.divergence as Divergence);
    expect(told).toContain(`in the call at event ${guilty}`);
    expect(told).toContain('lines 0 again: 0, not 1');
    // Where only this build can be run, the checkpoints still tell the interval.
    const alone = await locateInCore(trace, report.divergence as Divergence, { core }, undefined);
    expect(alone.interval).toMatchObject({
      from: interval?.from,
      to: interval?.to,
      call: undefined,
      before: 'other',
    });
    expect(alone.interval?.state).toContainEqual(interval?.state[0]);
    // And without being asked to, nobody looks.
    expect((await replayCore(trace, { core, locate: false })).divergence?.interval).toBeUndefined();
  });
});
