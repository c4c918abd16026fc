// Devices in worker threads: each has its own, and ends with them open, closed,
// or by being terminated. The main thread looks at what is left.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const INTERRUPTS = 200;

async function inWorker({ name, how }) {
  const { command, open, clock } = await import('./board.mjs');
  let ups = 0;
  const device = await open(name, () => {
    ups++;
  });
  for (let i = 1; i <= INTERRUPTS; i++) {
    command(`pulse ${name} 1`);
    while (ups < i) device.safePoint();
    device.write(0, 0, 4, i);
    if (device.read(0, 0, 4) !== i) throw new Error('a register of another device');
    clock.advance(1000);
  }
  if (how === 'closes') device.close();
  parentPort.postMessage(ups);
  if (how === 'exits') process.exit(0);
  if (how === 'is terminated') setInterval(() => {}, 1000);
}

async function inMain() {
  const { addDevice, counters, command } = await import('./board.mjs');
  const endings = ['closes', 'exits', 'is terminated', 'ends'];
  const before = counters();
  const run = async (name, how) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { name, how } });
    const ended = once(worker, 'exit');
    const [ups] = await once(worker, 'message');
    if (how === 'is terminated') await worker.terminate();
    await ended;
    return ups;
  };
  const names = Array.from({ length: 8 }, (_, i) => `dev${i}`);
  for (const name of names) addDevice(name);
  const ups = [];
  for (let round = 0; round < 3; round++) {
    const running = names.map((name, i) => run(name, endings[(i + round) % endings.length]));
    ups.push(...(await Promise.all(running)));
  }
  const after = counters();
  for (const name of names) command(`remove ${name}`);
  const { fds, eventfds, mappings, dmaMappings, watches } = after;
  const left = { fds, mappings, dmaMappings };
  left.eventfds = eventfds - before.eventfds;
  left.watches = watches - before.watches;
  console.log(JSON.stringify({ ups, left }));
}

if (isMainThread) await inMain();
else await inWorker(workerData);
