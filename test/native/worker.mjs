// One environment of its own: a window, a watch and a doorbell; then it waits,
// ends, or is ended, with all of them open. `workerData.how` says which.
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const { addon: path, region, how, rounds } = workerData;
const addon = createRequire(import.meta.url)(path);
const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
const words = new Int32Array(memory.buffer);
const bytes = new Uint8Array(memory.buffer);

const region_fd = openSync(region, 'r+');
if (addon.adopt(region_fd, true) !== 0) throw new Error('adopt');
if (addon.mmap(memory, 0x10000, 0x10000, 3, region_fd, 0, 0) < 0) throw new Error('mmap');
const trigger = addon.eventfd(0, 0x800);
let wakes = 0;
const doorbell = addon.addDoorbell(memory, 0, 64, 192, 1024, () => {
  wakes++;
});
if (addon.watch(trigger, doorbell, 3) !== 0) throw new Error('watch');

parentPort.postMessage('ready');
bytes[8] = 1;
let signals = 0;
for (let round = 0; round < rounds; round++) {
  addon.write(trigger, bytes, 8, 8);
  while (Atomics.load(words, 0) === 0) {
    // As an emulator that runs its guest
  }
  Atomics.store(words, 0, 0);
  Atomics.store(words, 16, 0);
  signals += Atomics.exchange(words, 48 + 3, 0);
  Atomics.add(words, 0x10000 / 4 + workerData.slot, 1);
}
parentPort.postMessage({ signals, wakes });
if (how === 'exit') process.exit(0);
if (how === 'wait') setInterval(() => {}, 1000);
