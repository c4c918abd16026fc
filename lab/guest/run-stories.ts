import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RP2040 } from 'rp2040js';
import type { V86 } from 'v86';
import { bootFirmware, Rp2040Machine, runFor, runUntil } from '../../host/machines/rp2040js/index';
import { V86Machine } from '../../host/machines/v86/index';
import { DEVICES, type Place, type Seen, type StoriesWorld, seenIn, storiesWorld } from './stories';

const MAGIC = 0x454e_4f44;
const MS = 1e6;
/** A run on the simulated host is over long before, in guest time. */
const LIMIT_NS = 60_000 * MS;
const LIMIT_MS = 180_000;

/** Words of the results, the magic one first (firmware/README.md). */
const WORDS = [0, 1, 2, 3, 4, 5];

/** How a run is done. */
export interface StoriesRun {
  /** Has the firmware. */
  readonly folder: string;
  /** On the board's own clock and GPIO, instead of simulated ones. */
  readonly real: boolean;
  /** Told of the world as soon as the guest has come to its end and before that ends. */
  readonly atEnd?: (world: StoriesWorld) => void;
}

/**
 * On the board, rp2040js runs up to a hundred times slower than a real chip
 * would, awake and asleep: at its own pace it would be that slow awake only, and
 * what its guest measures of the clock would mean nothing.
 */
const SLICE_NS = 0.5 * MS;
const SHORTEST_SLICE_MS = 10;
const LONGEST_SLICE_MS = 50;

async function runSlowly(machine: Rp2040Machine, done: () => boolean): Promise<void> {
  const start = performance.now();
  // As long as the longest so far. It only grows, so that what is due comes no later than the guest has measured.
  let sliceMs = SHORTEST_SLICE_MS;
  while (performance.now() - start < LIMIT_MS) {
    const sliceStart = performance.now();
    runFor(machine, SLICE_NS);
    if (done()) return;
    const tookMs = performance.now() - sliceStart;
    sliceMs = Math.min(LONGEST_SLICE_MS, Math.max(sliceMs, tookMs));
    await sleep(Math.max(1, sliceMs - tookMs));
  }
  throw new Error(`no end within ${LIMIT_MS} ms`);
}

async function withWorld(
  machine: Rp2040Machine | V86Machine,
  places: readonly Place[],
  { real, atEnd }: StoriesRun,
  run: () => Promise<ArrayLike<number>>,
): Promise<Seen> {
  const world = await storiesWorld(machine, places, real);
  try {
    const seen = seenIn(await run(), world);
    atEnd?.(world);
    return seen;
  } catch (error) {
    throw new Error(`the firmware said\n${world.outside.lines.join('\n')}`, { cause: error });
  } finally {
    world.end();
  }
}

/** rp2040js with firmware/stories.bin. */
function onRp2040(options: StoriesRun): Promise<Seen> {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const word = (index: number) => chip.readUint32(0x2000_0000 + 4 * index);
  const places = DEVICES.map((name, index) => ({
    name,
    base: 0x6000_0000 + 0x4000 * index,
    input: 20 + index,
  }));
  return withWorld(machine, places, options, async () => {
    bootFirmware(machine, readFileSync(join(options.folder, 'stories.bin')));
    const done = () => word(0) === MAGIC && chip.core.waiting;
    if (options.real) await runSlowly(machine, done);
    else runUntil(machine, done, LIMIT_NS);
    return WORDS.map(word);
  });
}

/** On the board v86's time goes as much slower: its guest must be faster than its UART, and not time out. */
const SLOWNESS = 100;

/**
 * v86 takes its source of time when it is loaded, in one place for the
 * processor's code and in another for the rest.
 */
async function loadV86(slowness: number): Promise<typeof import('v86')> {
  const { now } = performance;
  performance.now = () => now.call(performance) / slowness;
  try {
    return await import('v86');
  } finally {
    performance.now = now;
  }
}

/** Where link-pc.ld puts the results, in the block of RAM that starts at 1 MiB. */
const PC_RESULT = 0x20_0000 - 0x10_0000;
const PC_INPUTS = [5, 10, 11];

async function newPc({ folder, real }: StoriesRun): Promise<V86> {
  const { V86 } = await loadV86(real ? SLOWNESS : 1);
  const { buffer } = new Uint8Array(readFileSync(join(folder, 'stories-pc.elf')));
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
  return emulator;
}

/** v86 with firmware/stories-pc.elf. */
async function onV86(options: StoriesRun): Promise<Seen> {
  const emulator = await newPc(options);
  const machine = await V86Machine.whenReady(emulator);
  const places = DEVICES.map((name, index) => ({
    name,
    base: 0xfea0_0000 + 0x4000 * index,
    input: PC_INPUTS[index] as number,
  }));
  const results = () => {
    const { bytes } = machine.guestRam[1] as (typeof machine.guestRam)[number];
    return new Uint32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + PC_RESULT, WORDS.length);
  };
  try {
    return await withWorld(machine, places, options, async () => {
      void emulator.run();
      const start = performance.now();
      while (results()[0] !== MAGIC) {
        if (performance.now() - start > LIMIT_MS) throw new Error(`no end within ${LIMIT_MS} ms`);
        await sleep(5);
      }
      return results();
    });
  } finally {
    await emulator.destroy();
  }
}

/** The machines that the firmware is for. */
export const storyMachines = { rp2040js: onRp2040, v86: onV86 } as const;

export type StoryMachine = keyof typeof storyMachines;
