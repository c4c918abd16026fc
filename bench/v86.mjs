// v86 with a device of the plugin in it: what an access costs, how long an
// interrupt takes, and whether any is lost. Each function is one measurement,
// in a process of its own.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { V86 } from 'v86';
import { plug } from 'vfio-platform-wasm';
import { V86Machine } from 'vfio-platform-wasm/machines/v86';
import { MemoryDevice, SimulatedHost } from 'vfio-platform-wasm/sim';

const BASE = 0xfea0_0000;
const BLOCK = 0x2_0000;
const INPUT = 5;
/** Where link-pc.ld puts the words of firmware/workload.c. */
const SHARED = 0x20_0000;
const MODE = { reads: 0, stores: 1, spin: 2, sleep: 3 };
/** What the guest sends by COM1. */
const STARTED = 0xf0;
const FINISHED = 0xf1;
const HANDLER_ENTERED = 0x10 | INPUT;
const COM1 = 0x3f8;
/** Interrupts until what is measured is compiled, in JavaScript and in the guest. */
const WARM_UP = 3000;

const ACCESSES = 4_000_000;
const REPETITIONS = 4;

const cpuMs = () => process.cpuUsage().user / 1000;

/** A v86 with firmware/workload-pc.elf. */
async function workload() {
  const image = readFileSync(new URL('../firmware/workload-pc.elf', import.meta.url));
  const emulator = new V86({
    wasm_path: fileURLToPath(import.meta.resolve('v86/build/v86.wasm')),
    memory_size: 16 * 1024 * 1024,
    multiboot: { buffer: new Uint8Array(image).buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  const machine = await V86Machine.whenReady(emulator);
  const ram = machine.guestRam[1];
  const words = () =>
    new Uint32Array(ram.bytes.buffer, ram.bytes.byteOffset + SHARED - ram.guestAddress, 16);
  const onByte = (listener) => emulator.add_listener('serial0-output-byte', listener);
  const until = async (condition) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { emulator, machine, words, onByte, until };
}

/** A device with one level line; the second region lowers it. */
async function plugIn(machine) {
  const host = new SimulatedHost({ clock: machine.clock });
  const model = new MemoryDevice({ lines: ['level'], doorbell: true });
  host.addDevice({ name: 'bench', model });
  await plug(host, { host: 'bench' }, machine, {
    regions: { 0: BASE, 1: BASE + 0x1000 },
    lines: { 0: INPUT },
  });
  return { model, clear: BASE + 0x1008 };
}

/**
 * ns of processor time of a guest read of a register, the loop included, in
 * compiled code. Not of the wall clock, so that other programs disturb it less.
 * @param {'plugin' | 'plain'} device plain: v86's own MMIO device in JavaScript
 */
export async function v86Read(device) {
  const { emulator, machine, words, onByte, until } = await workload();
  if (device === 'plugin') {
    await plugIn(machine);
  } else {
    machine.detach();
    const registers = new Int32Array(1024);
    emulator.v86.cpu.io.mmap_register(
      BASE,
      BLOCK,
      (address) => (registers[(address & 0xfff) >> 2] >> (8 * (address & 3))) & 0xff,
      () => {},
      (address) => registers[(address & 0xfff) >> 2],
      (address, value) => {
        registers[(address & 0xfff) >> 2] = value;
      },
    );
  }
  let started = 0;
  const times = [];
  onByte((byte) => {
    if (byte === STARTED) started = cpuMs();
    if (byte === FINISHED) times.push(cpuMs() - started);
  });
  words().set([0, MODE.reads, 0, BASE + 4, ACCESSES, 0, 0, REPETITIONS]);
  await emulator.run();
  await until(() => words()[0] === 1);
  await emulator.destroy();
  // The first repetitions run until everything is compiled.
  return (Math.min(...times.slice(1)) / ACCESSES) * 1e6;
}

/**
 * ms from the moment at which a device raises its wire, in the event loop, to the
 * guest's handler.
 * @param {'busy' | 'halted'} guest
 * @param {string} quantile 0 … 1
 */
export async function v86Latency(guest, quantile) {
  const { emulator, machine, words, until } = await workload();
  const { model, clear } = await plugIn(machine);
  let raised = 0;
  let entered = 0;
  // Not through v86's own serial port, whose path in JavaScript is no part of the interrupt.
  emulator.v86.cpu.io.register_write(COM1, {}, (byte) => {
    if (byte === HANDLER_ENTERED && entered === 0) entered = performance.now();
  });
  words().set([0, guest === 'busy' ? MODE.spin : MODE.sleep, 1 << INPUT, BASE, 0, clear, 0, 1]);
  await emulator.run();
  await until(() => words()[0] === 1);
  const times = [];
  const [warmUp, samples] = [WARM_UP, 1000];
  for (let round = 1; round <= warmUp + samples; round++) {
    // Not in step with v86's slices; the last of the warm-up, too.
    if (round > warmUp - 50) {
      await new Promise((resolve) => setTimeout(resolve, 1 + (round % 7) / 3));
    }
    entered = 0;
    raised = performance.now();
    model.setLevel(0);
    while (words()[6] < round) await new Promise((resolve) => setImmediate(resolve));
    if (round > warmUp) times.push(entered - raised);
  }
  await emulator.destroy();
  times.sort((a, b) => a - b);
  return times[Math.min(samples - 1, Math.floor(Number(quantile) * samples))];
}

/**
 * Interrupts that a device owes for each that the guest handles: it owes one
 * for each store of a tight loop, and changes its line inside the accesses.
 */
export async function v86StoreLoop() {
  const STORES = 200_000;
  /** Stores before them, until the loop is compiled. */
  const QUIET = 2_000_000;
  const { emulator, machine, words, until } = await workload();
  const line = machine.line(INPUT);
  let stored = -QUIET;
  let cleared = 0;
  machine.mapMmio(BASE, 0x1000, {
    read: () => 0,
    write(offset) {
      if (offset === 0) {
        stored++;
      } else {
        cleared++;
        line.down();
      }
      if (stored > cleared) line.up();
    },
  });
  words().set([0, MODE.stores, 1 << INPUT, BASE, QUIET + STORES, BASE + 4, 0, 1]);
  await emulator.run();
  const limitMs = performance.now() + 60_000;
  await until(() => words()[6] >= STORES || performance.now() > limitMs);
  const handled = words()[6];
  await emulator.destroy();
  return STORES / handled;
}
