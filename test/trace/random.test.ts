import { describe, expect, it } from 'vitest';
import type { VfioHost } from '../../host/boundary/host';
import { VirtualClock } from '../../host/sim';
import {
  diffTraces,
  divergenceText,
  MemorySink,
  record,
  replayCore,
  replayHost,
  Trace,
} from '../../host/trace';
import { LifeBoard, lifeOf, live } from './random-life';

/** `npm run test:replay` sets more. */
const SEEDS = Number(process.env.REPLAY_SEEDS ?? 100);
const PER_TEST = 25;

function recorded(host: VfioHost, sink: MemorySink): VfioHost {
  return record(host, { uuid: 'a life', sink, checkpointInterval: 50 });
}

function expectSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  // A difference of events says more than one of bytes.
  expect(diffTraces(Trace.open(expected), Trace.open(actual)), what).toBeUndefined();
  expect(Buffer.compare(actual, expected), what).toBe(0);
}

/** Record, replay in the core and in the machine, record both: all the same. */
async function checkLife(seed: number): Promise<void> {
  const board = new LifeBoard(seed);
  const sink = new MemorySink();
  const original = await live(seed, recorded(board.host, sink), board.clock, () => board.act());
  const what = `seed ${seed} ${JSON.stringify(lifeOf(seed))}`;
  const trace = Trace.open(sink.bytes());
  expect(trace.finalised, what).toBe(true);

  const fromCore = new MemorySink();
  const report = await replayCore(trace, { through: (host) => recorded(host, fromCore) });
  expect(report.divergence && divergenceText(report.divergence), what).toBeUndefined();
  expectSame(fromCore.bytes(), sink.bytes(), what);

  const fromMachine = new MemorySink();
  const host = replayHost(trace);
  const again = await live(seed, recorded(host, fromMachine), new VirtualClock(), () => {});
  host.finish();
  expect(again, what).toEqual(original);
  expectSame(fromMachine.bytes(), sink.bytes(), what);
}

describe('random lives with all device models, policies, EOI sources and faults', () => {
  for (let first = 1; first <= SEEDS; first += PER_TEST) {
    const last = Math.min(first + PER_TEST - 1, SEEDS);
    it(`seeds ${first} to ${last}: record, replay, record again give the same bytes`, async () => {
      for (let seed = first; seed <= last; seed++) await checkLife(seed);
    }, 120_000);
  }
});
