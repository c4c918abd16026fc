import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  diffTraces,
  divergenceText,
  type MemorySink,
  replayCore,
  replayHost,
  Trace,
} from '../../host/trace';
import { recordingInto, runFirmware, simulatedBoard } from './firmware-world';

const FOLDER = 'test/trace/recordings';
const UPDATE = process.env.UPDATE_RECORDINGS === '1';

/**
 * Recordings of an earlier day, as a user has them in a repository: the
 * firmware's three devices. They replay for as long as the plugin does the same.
 */
describe('the committed recordings', () => {
  const sinks = new Map<string, MemorySink>();
  let committed: Trace[];

  beforeAll(async () => {
    await runFirmware((machine) => recordingInto(sinks, simulatedBoard(machine)));
    if (UPDATE) {
      for (const [name, sink] of sinks) writeFileSync(`${FOLDER}/${name}.trace`, sink.bytes());
    }
    committed = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.trace'))
      .sort()
      .map((name) => Trace.open(new Uint8Array(readFileSync(`${FOLDER}/${name}`))));
  });

  it('are whole', () => {
    expect(committed).toHaveLength(3);
    for (const trace of committed) expect(trace.verify()).toBeUndefined();
  });

  it('replay in the core', async () => {
    for (const trace of committed) {
      const { divergence, ok } = await replayCore(trace);
      expect(ok, divergence && divergenceText(divergence)).toBe(true);
    }
  });

  it('replay in the machine', async () => {
    const host = replayHost(committed);
    await runFirmware(() => host);
    host.finish();
    expect(host.ended).toBe(true);
  });

  it('are what is recorded today (after a wanted change: UPDATE_RECORDINGS=1)', () => {
    for (const trace of committed) {
      const { name } = trace.header.device;
      const now = Trace.open((sinks.get(name) as MemorySink).bytes());
      expect(diffTraces(trace, now), name).toBeUndefined();
    }
  });
});
