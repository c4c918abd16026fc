import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../host/sim';
import {
  diffTraces,
  divergenceText,
  MemorySink,
  replayCore,
  replayHost,
  Trace,
} from '../../host/trace';
import { recordedLife, recordLife } from './lives';
import { LifeBoard, lifeOf, live } from './random-life';

/** `npm run test:replay` sets more. */
const SEEDS = Number(process.env.REPLAY_SEEDS ?? 100);
const PER_TEST = 25;

function expectSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  // A difference of events says more than one of bytes.
  expect(diffTraces(Trace.open(expected), Trace.open(actual)), what).toBeUndefined();
  expect.fail(`${what}: the bytes differ`);
}

/** Live, record, replay in the core and in the machine, record both: all the same. */
async function checkLife(seed: number): Promise<void> {
  const { bytes, trace, log } = await recordedLife(seed);
  const what = `seed ${seed} ${JSON.stringify(lifeOf(seed))}`;
  expect(trace.finalised, what).toBe(true);

  // A machine that may not map the device while it is recorded is told so.
  if (!lifeOf(seed).directMapping) {
    const board = new LifeBoard(seed);
    expect(log, what).toEqual(await live(seed, board.host, board.clock, () => board.act()));
  }

  const fromCore = new MemorySink();
  const report = await replayCore(trace, { through: (host) => recordLife(host, fromCore) });
  expect(report.divergence && divergenceText(report.divergence), what).toBeUndefined();
  expectSame(fromCore.bytes(), bytes, what);

  const fromMachine = new MemorySink();
  const host = replayHost(trace);
  const again = await live(seed, recordLife(host, fromMachine), new VirtualClock(), () => {});
  host.finish();
  expect(again, what).toEqual(log);
  expectSame(fromMachine.bytes(), bytes, what);
}

describe('random lives with all device models, policies, EOI sources and faults', () => {
  for (let first = 1; first <= SEEDS; first += PER_TEST) {
    const last = Math.min(first + PER_TEST - 1, SEEDS);
    it(`seeds ${first} to ${last}: record, replay, record again give the same bytes`, async () => {
      for (let seed = first; seed <= last; seed++) await checkLife(seed);
    });
  }
});
