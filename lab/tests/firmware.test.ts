import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RP2040 } from 'rp2040js';
import { bootFirmware, Rp2040Machine, runFor, runUntil } from '../../host/machines/rp2040js/index';
import { prepareDevices } from '../guest/rig';
import {
  assertNothingLost,
  assertSameStories,
  DEVICES,
  type Seen,
  seenIn,
  storiesWorld,
} from '../guest/stories';

const PLACES = DEVICES.map((name, index) => ({
  name,
  base: 0x6000_0000 + 0x4000 * index,
  input: 20 + index,
}));
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e_4f44;
const MS = 1e6;
/** Of guest time. */
const LIMIT_NS = 60_000 * MS;
const SLOW_LIMIT_NS = 1000 * MS;

/**
 * This guest runs a hundred times slower than a real one would, awake and
 * asleep: at its own pace it would be that slow awake only, and what it
 * measures of the clock would mean nothing.
 */
const SLICE_NS = 0.5 * MS;
const SLICE_MS = 50;

async function runSlowly(machine: Rp2040Machine, done: () => boolean): Promise<void> {
  for (let ns = 0; ns < SLOW_LIMIT_NS; ns += SLICE_NS) {
    const start = performance.now();
    runFor(machine, SLICE_NS);
    if (done()) return;
    await sleep(Math.max(1, SLICE_MS - (performance.now() - start)));
  }
  throw new Error('the firmware did not come to its end');
}

before(prepareDevices);

/** Runs the firmware with three devices that are passed through to it. */
async function run(real: boolean): Promise<Seen> {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const world = await storiesWorld(machine, PLACES, real);
  bootFirmware(machine, readFileSync('/lab/firmware/stories.bin'));
  const word = (index: number) => chip.readUint32(RESULT + 4 * index);
  const done = () => word(0) === RESULT_MAGIC && chip.core.waiting;
  try {
    if (real) await runSlowly(machine, done);
    else runUntil(machine, done, LIMIT_NS);
  } catch (error) {
    throw new Error(`the firmware said\n${world.outside.lines.join('\n')}`, { cause: error });
  }
  const seen = seenIn([0, 1, 2, 3, 4, 5].map(word), world);
  if (real) assertNothingLost(world);
  world.end();
  return seen;
}

describe('a guest in the guest: rp2040js runs firmware/stories.bin', () => {
  it('on the real PL031 and PL061 as on the simulated ones', async () => {
    const expected = await run(false);
    const start = performance.now();
    const seen = await run(true);
    console.log(`${Math.round(performance.now() - start)} ms\n${seen.said.join('\n')}`);
    assertSameStories(seen, expected);
    assert.deepEqual(seen.handled, expected.handled);
  });
});
