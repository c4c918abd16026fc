// One measurement that needs a process of its own; prints the number. `interrupts`
// prints one for each line of its standard input (duel.mjs).
import { PerformanceObserver } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

const DEVICES = 100;
const INTERRUPTS = 10_000_000;
/** Of the option memoryBytes, unless given. */
const PAGES = 512;
const CROSSINGS = '.cache/bench/crossings.wasm';

/** Import, compile, instantiate: until the core has answered its first call. */
async function instantiate() {
  // The first dynamic import of a process also starts Node's loader.
  await import('./rows.mjs');
  const start = performance.now();
  const { loadCore } = await import('vfio-platform-wasm');
  const module = await loadCore();
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  const imports = { env: { memory }, host: {} };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === 'function') imports[from][name] = () => -1;
  }
  new WebAssembly.Instance(module, imports).exports.abiVersion();
  return performance.now() - start;
}

/** Import, and open a device: until it has been read from. The simulated host is not counted. */
async function firstDevice() {
  await import('./rows.mjs');
  const start = performance.now();
  const { openDevice } = await import('vfio-platform-wasm');
  const imported = performance.now() - start;
  const { MemoryDevice, SimulatedHost } = await import('vfio-platform-wasm/sim');
  const host = new SimulatedHost();
  host.addDevice({ name: 'bench', model: new MemoryDevice({ lines: ['edge'] }) });
  const again = performance.now();
  const device = await openDevice(host, { host: 'bench' }, { clock: host.clock });
  device.read(0, 0, 4);
  return imported + performance.now() - again;
}

/** Resident KiB that each of a hundred open devices adds. */
async function resident() {
  const { openDevice } = await import('vfio-platform-wasm');
  const { MemoryDevice, SimulatedHost } = await import('vfio-platform-wasm/sim');
  const host = new SimulatedHost();
  const open = async (name) => {
    host.addDevice({ name, model: new MemoryDevice({ lines: ['edge', 'level'] }) });
    const device = await openDevice(host, { host: name }, { clock: host.clock });
    for (const { index } of device.lines) device.connectLine(index, { up() {}, down() {} });
    device.signal(0, 1);
    device.read(0, 0, 4);
    return device;
  };
  const devices = [await open('warm-up')];
  globalThis.gc();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < DEVICES; i++) devices.push(await open(`device${i}`));
  globalThis.gc();
  const grown = (process.memoryUsage().rss - before) / DEVICES / 1024;
  for (const device of devices) device.close();
  return grown;
}

/** Bytes that ten million interrupts allocate; Infinity when the collector ran meanwhile. */
async function garbage() {
  const { interruptLoop } = await import('./interrupts.mjs');
  const loop = await interruptLoop(1, 'level');
  loop.run(1_000_000);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  loop.run(INTERRUPTS);
  const after = process.memoryUsage().heapUsed;
  // Entries arrive in a later turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  return collections > 0 ? Number.POSITIVE_INFINITY : after - before;
}

/** ns per interrupt, warm: as the C program, in a process that does nothing else. */
async function interrupts(lines, trigger, way, count) {
  const { interruptLoop } = await import('./interrupts.mjs');
  const loop = await interruptLoop(Number(lines), trigger);
  const run = way === 'doorbell' ? loop.runThroughDoorbell : loop.run;
  // The engine compiles in other threads, and more than once: it has not done after one round.
  for (let round = 0; round < 8; round++) {
    run(1_000_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for await (const _ of createInterface(process.stdin)) console.log(run(Number(count)));
}

/** ns for the crossings alone, in the same form. */
async function crossingsAlone() {
  const { crossings } = await import('./crossings.mjs');
  return crossings(CROSSINGS, 2_000_000);
}

/** What bench/v86.mjs measures; only there v86 is loaded. */
const v86 =
  (name) =>
  async (...args) =>
    (await import('./v86.mjs'))[name](...args);

const measurements = {
  instantiate,
  firstDevice,
  resident,
  garbage,
  interrupts,
  crossings: crossingsAlone,
  v86Read: v86('v86Read'),
  v86Latency: v86('v86Latency'),
  v86StoreLoop: v86('v86StoreLoop'),
};
const [what, ...args] = process.argv.slice(2);
const result = await measurements[what](...args);
if (result !== undefined) console.log(result);
