import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { V86 } from 'v86';
import { V86Machine } from '../../host/machines/v86/index';
import { prepareDevices } from '../guest/rig';
import {
  assertNothingLost,
  assertSameStories,
  DEVICES,
  type Seen,
  seenIn,
  storiesWorld,
} from '../guest/stories';

const INPUTS = [5, 10, 11] as const;
const PLACES = DEVICES.map((name, index) => ({
  name,
  base: 0xfea0_0000 + 0x4000 * index,
  input: INPUTS[index] as number,
}));
/** Where link-pc.ld puts the results, in the block of RAM that starts at 1 MiB. */
const RESULT = 0x20_0000 - 0x10_0000;
const RESULT_MAGIC = 0x454e_4f44;
const LIMIT_MS = 180_000;

/** The emulator is emulated itself and as much slower; its guest's time goes slower, too, or it would time out. */
const SLOWNESS = 20;

before(prepareDevices);

async function newEmulator(): Promise<V86> {
  const { buffer } = new Uint8Array(readFileSync('/lab/firmware/stories-pc.elf'));
  const emulator = new V86({
    wasm_path: fileURLToPath(import.meta.resolve('v86/build/v86.wasm')),
    memory_size: 16 << 20,
    multiboot: { buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    autostart: false,
  });
  await new Promise<void>((resolve) => emulator.add_listener('emulator-ready', resolve));
  // v86's own source of time, which the adapter takes as well.
  const { v86 } = emulator as unknown as { v86: object };
  Object.assign(v86.constructor, { microtick: () => performance.now() / SLOWNESS });
  return emulator;
}

/** Runs the firmware with three devices that are passed through to it. */
async function run(real: boolean): Promise<Seen> {
  const emulator = await newEmulator();
  const machine = await V86Machine.whenReady(emulator);
  const world = await storiesWorld(machine, PLACES, real);
  const results = () => {
    const { bytes } = machine.guestRam[1] as (typeof machine.guestRam)[number];
    return new Uint32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + RESULT, 6);
  };
  void emulator.run();
  const start = performance.now();
  while (results()[0] !== RESULT_MAGIC) {
    if (performance.now() - start > LIMIT_MS) {
      throw new Error(`no end; the firmware said\n${world.outside.lines.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const seen = seenIn(results(), world);
  if (real) assertNothingLost(world);
  world.end();
  await emulator.destroy();
  return seen;
}

describe('a guest in the guest: v86 runs firmware/stories-pc.elf', () => {
  it('on the real PL031 and PL061 as on the simulated ones', async () => {
    const times = [performance.now()];
    const expected = await run(false);
    times.push(performance.now());
    const seen = await run(true);
    times.push(performance.now());
    const [simulated, real] = [1, 2].map((at) =>
      Math.round((times[at] as number) - (times[at - 1] as number)),
    );
    console.log(`simulated ${simulated} ms, real ${real} ms\n${seen.said.join('\n')}`);
    // How many interrupts the UART needs depends on how fast its characters come.
    assertSameStories(seen, expected, (line) => line.replace(/^(DONE .*)uart=\d+/, '$1uart=N'));
    assert.deepEqual(seen.handled.slice(0, 2), expected.handled.slice(0, 2));
  });
});
