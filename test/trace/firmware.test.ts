import { beforeAll, describe, expect, it } from 'vitest';
import { type MemorySink, record, replayCore, replayHost, type Trace } from '../../host/trace';
import { openAll, recordingInto, runFirmware, simulatedBoard } from './firmware-world';

describe('the firmware of npm start, recorded', () => {
  const sinks = new Map<string, MemorySink>();
  let traces: Trace[];
  let original: Awaited<ReturnType<typeof runFirmware>>;

  beforeAll(async () => {
    original = await runFirmware((machine) => recordingInto(sinks, simulatedBoard(machine)));
    traces = openAll(sinks);
  });

  it('runs as it does unrecorded', async () => {
    const plain = await runFirmware(simulatedBoard);
    expect(plain.elapsedNs).toBe(original.elapsedNs);
    expect(plain.sram).toEqual(original.sram);
  });

  it('gives complete traces, sound to the last byte', () => {
    for (const trace of traces) {
      expect(trace.finalised).toBe(true);
      expect(trace.cut).toBeUndefined();
      expect(trace.verify()).toBeUndefined();
      expect(trace.totals.events).toBeGreaterThan(1000);
    }
  });

  it('takes at most 4 bytes an event', () => {
    for (const [index, sink] of [...sinks.values()].entries()) {
      expect(sink.length / (traces[index] as Trace).totals.events).toBeLessThan(4);
    }
  });

  it('replays in the core, and recorded again gives the same bytes', async () => {
    for (const [name, sink] of sinks) {
      const again = new Map<string, MemorySink>();
      const trace = traces.find(({ header }) => header.device.name === name) as Trace;
      const report = await replayCore(trace, { through: (host) => recordingInto(again, host) });
      expect(report.divergence).toBeUndefined();
      expect(report.ok).toBe(true);
      expect(again.get(name)?.bytes()).toEqual(sink.bytes());
    }
  });

  it('replays in the machine, bit for bit, and recorded again gives the same bytes', async () => {
    const again = new Map<string, MemorySink>();
    const host = replayHost(traces);
    const replayed = await runFirmware(() => recordingInto(again, host));
    host.finish();
    expect(host.ended).toBe(true);
    expect(replayed.elapsedNs).toBe(original.elapsedNs);
    expect(replayed.sram).toEqual(original.sram);
    for (const [name, sink] of sinks) expect(again.get(name)?.bytes()).toEqual(sink.bytes());
  });

  it('writes nothing of the host into the file', () => {
    for (const trace of traces) {
      expect(JSON.stringify(trace.header)).not.toMatch(/\/(sys|dev|home)\//);
    }
  });

  it('refuses a second device without a sink of its own', async () => {
    const [sink] = sinks.values();
    await expect(
      runFirmware((machine) =>
        record(simulatedBoard(machine), { uuid: 'one', sink: sink as MemorySink }),
      ),
    ).rejects.toThrow('one trace for each device');
  });
});
