// One measurement of the native host, in a process on the played kernel:
// child.mjs latency|wake-up|libuv|sustained|read|empty|load|loads|unmask COUNT. Prints ns.
import { createRequire } from 'node:module';
import { PROBE } from './build.mjs';
import { openBench } from './device.mjs';
import { bareLoads, emptyExport } from './modules.mjs';

const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const PAUSE_US = 50;
const PORTION = 160_000;

const probe = createRequire(import.meta.url)(PROBE);
const [what, countText] = process.argv.slice(2);
const count = Number(countText);

/** Runs until everything is compiled with optimisation, which other threads do, and once more. */
async function warm(run, rounds = 5) {
  for (let round = 1; round < rounds; round++) {
    run();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return run();
}

function perOperation(operation) {
  const start = process.hrtime.bigint();
  operation(count);
  return Number(process.hrtime.bigint() - start) / count;
}

/** A device whose interrupts a thread makes; each is completed by a read. */
async function interrupts(pauseUs) {
  const { native, device, seen } = await openBench();
  const state = { last: false };
  device.connectLine(0, {
    up() {
      state.last = probe.note();
    },
    down() {
      probe.completed();
    },
  });
  const done = native.kernel.eventfd(0, EFD_CLOEXEC);
  const start = () => {
    state.last = false;
    probe.start(seen.trigger, done, count, pauseUs);
  };
  return { native, device, state, start };
}

/** An emulator that is busy: it comes by its safe point all the time. */
async function busy(pauseUs, figure) {
  const { device, state, start } = await interrupts(pauseUs);
  return warm(() => {
    start();
    while (!state.last) {
      device.safePoint();
      device.read(0, 4, 4);
    }
    return probe.finish()[figure];
  }, 2);
}

/** An emulator that sleeps in its event loop. */
async function wakeUp() {
  const { native, device, state, start } = await interrupts(PAUSE_US);
  native.keepAlive(true);
  let median;
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => {
      device.onSignal = () => {
        device.safePoint();
        device.read(0, 4, 4);
        if (state.last) resolve();
      };
      start();
    });
    [median] = probe.finish();
  }
  native.keepAlive(false);
  return median;
}

/** What a bare libuv poll callback needs. */
async function libuv() {
  const { native } = await openBench();
  const trigger = native.kernel.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const done = native.kernel.eventfd(0, EFD_CLOEXEC);
  let median;
  for (let round = 0; round < 2; round++) {
    probe.start(trigger, done, count, PAUSE_US);
    probe.poll(trigger);
    while (!probe.served()) await new Promise((resolve) => setTimeout(resolve, 20));
    [median] = probe.finish();
  }
  return median;
}

/** The loops are made once: for each new one the engine would begin again. */
async function read() {
  const { device } = await openBench();
  const reads = (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += device.read(0, 4, 4);
    if (sum !== 7 * n) throw new Error('bench: a read went wrong');
  };
  return warm(() => perOperation(reads), 10);
}

async function empty() {
  const call = emptyExport();
  const calls = (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += call(0, 4, 4);
    if (sum !== 4 * n) throw new Error('bench: a call went wrong');
  };
  return warm(() => perOperation(calls), 10);
}

/** @param {(wasm: object, pointer: number) => boolean} portion makes PORTION loads, and tells whether they were right */
async function bare(portion) {
  const { device, seen } = await openBench();
  device.connectLine(0, { up() {}, down() {} });
  const { pointer } = device.regions[0].mapped[0];
  const wasm = await bareLoads(seen.memory);
  return warm(() =>
    perOperation((n) => {
      // In portions: an engine changes to its optimised code between calls.
      for (let left = n; left > 0; left -= PORTION) {
        if (!portion(wasm, pointer)) throw new Error('bench: a load went wrong');
      }
    }),
  );
}

async function unmask() {
  const { native, seen } = await openBench();
  const { kernel } = native;
  return warm(() =>
    perOperation((n) => {
      for (let i = 0; i < n; i++)
        if (kernel.unmask(seen.device, 0) !== 0) throw new Error('unmask');
    }),
  );
}

const measurements = {
  latency: () => busy(PAUSE_US, 0),
  sustained: () => busy(0, 1),
  'wake-up': wakeUp,
  libuv,
  read,
  empty,
  load: () => bare((wasm, pointer) => wasm.chain(pointer, 8, PORTION) === 8),
  loads: () => bare((wasm, pointer) => wasm.loads(pointer + 4, PORTION) === 7 * PORTION),
  unmask,
};
console.log(await measurements[what]());
