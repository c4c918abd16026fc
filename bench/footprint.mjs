// What the package costs besides time on the interrupt path: garbage, start-up
// and memory.
import { execFileSync } from 'node:child_process';
import { PerformanceObserver } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { interruptLoop } from './interrupts.mjs';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
const REPETITIONS = 9;
const INTERRUPTS = 10_000_000;

/** Bytes allocated by ten million interrupts; Infinity when the collector ran meanwhile. */
export async function allocation() {
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
  loop.device.close();
  return collections > 0 ? Number.POSITIVE_INFINITY : after - before;
}

/** @param {string} what @returns {number} */
function child(what) {
  return Number(execFileSync(process.execPath, ['--expose-gc', CHILD, what], { encoding: 'utf8' }));
}

/** Milliseconds from nothing to a core that runs, each in a new process. */
export function instantiation() {
  return Array.from({ length: REPETITIONS }, () => child('instantiate'));
}

/** KiB of resident memory for each of a hundred open devices, without their windows. */
export function residentPerDevice() {
  return Array.from({ length: 3 }, () => child('resident'));
}
