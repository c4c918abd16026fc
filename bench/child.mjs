// One measurement that needs a process of its own; prints the number.
const DEVICES = 100;

/** Import, compile, instantiate: until the core has answered its first call. */
async function instantiate() {
  const start = performance.now();
  const { loadCore } = await import('vfio-platform-wasm');
  const module = await loadCore();
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024 });
  const imports = { env: { memory }, host: {} };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === 'function') imports[from][name] = () => -1;
  }
  new WebAssembly.Instance(module, imports).exports.abiVersion();
  return performance.now() - start;
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

console.log(await (process.argv[2] === 'resident' ? resident() : instantiate()));
