// What the package costs besides time on the interrupt path: garbage, start-up
// and memory.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
const REPETITIONS = 9;

/** @param {...string} args of child.mjs @returns {[program: string, ...args: string[]]} */
export function childCommand(...args) {
  return [process.execPath, '--expose-gc', CHILD, ...args];
}

/**
 * One measurement of child.mjs, in a new process.
 * @param {...string} args
 * @returns {number}
 */
export function child(...args) {
  const [program, ...all] = childCommand(...args);
  return Number(execFileSync(program, all, { encoding: 'utf8' }));
}

/** Milliseconds from nothing to a core that runs, each in a new process. */
export function instantiation() {
  return Array.from({ length: REPETITIONS }, () => child('instantiate'));
}

/** Milliseconds from nothing to a simulated device that has been read from, each in a new process. */
export function firstDevice() {
  return Array.from({ length: REPETITIONS }, () => child('firstDevice'));
}

/** KiB of resident memory for each of a hundred open devices, without their windows. */
export function residentPerDevice() {
  return Array.from({ length: 3 }, () => child('resident'));
}

/**
 * Bytes allocated by ten million interrupts. Where the collector ran meanwhile, as
 * it may by itself, the bytes are not known: once more, and Infinity at the third time.
 */
export function allocation() {
  let bytes = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && bytes === Number.POSITIVE_INFINITY; tries++) {
    bytes = child('garbage');
  }
  return bytes;
}
