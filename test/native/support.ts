import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe } from 'vitest';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import type { Doorbell } from '../../host/boundary/kernel';
import { type NativeKernel, nativeKernel } from '../../host/native/kernel';
import { nativeMissing } from './available';

const missing = nativeMissing();

/** Like describe(), skipped with the reason where the native host is not available. */
export function describeNative(name: string, tests: () => void): void {
  describe.skipIf(missing)(missing ? `${name} (skipped: ${missing})` : name, tests);
}

/** The kernel under test. */
export function kernel(): NativeKernel {
  return nativeKernel();
}

export const PAGE = 4096;
/** Linux's page size here can be larger; windows of this many bytes always work. */
export const WINDOW = 0x10000;

const folder = mkdtempSync(join(tmpdir(), 'vfio-native-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A file that plays a device's memory: `bytes` long, given to the kernel as a descriptor. */
export function regionFile(bytes: number): { readonly fd: number; readonly path: string } {
  const path = join(folder, `region${files++}`);
  writeFileSync(path, new Uint8Array(bytes));
  const fd = openSync(path, 'r+');
  if (kernel().adopt(fd, true) !== 0) throw new Error('the descriptor was refused');
  return { fd, path };
}

export function fixedMemory(bytes = 4 * WINDOW): WebAssembly.Memory {
  const pages = bytes / 0x10000;
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}

export function eventfd(initial = 0): number {
  const fd = kernel().eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw new Error(`eventfd: ${fd}`);
  return fd;
}

/** Adds `count` to an eventfd, as the kernel does when a line fires. */
export function signal(fd: number, count = 1): void {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count), true);
  if (kernel().write(fd, bytes, 0, 8) !== 8) throw new Error('the signal was not written');
}

const SUMMARY = 0;
const WORDS = 64;
const COUNTS = 192;

/** A doorbell in memory, as the core has it, whose wake-ups are counted. */
export class MemoryDoorbell implements Doorbell {
  readonly memory = {
    memory: fixedMemory(WINDOW),
    summary: SUMMARY,
    words: WORDS,
    counts: COUNTS,
    lines: 1024,
  };
  readonly #words = new Int32Array(this.memory.memory.buffer);
  wakes = 0;
  onWake: (() => void) | undefined;

  ring(): void {
    throw new Error('a kernel with threads rings in memory');
  }

  wake(): void {
    this.wakes++;
    this.onWake?.();
  }

  get ringing(): boolean {
    return Atomics.load(this.#words, SUMMARY) !== 0;
  }

  /** Signals of the line that wait for an answer. */
  waiting(line: number): number {
    return Atomics.load(this.#words, COUNTS / 4 + line) >>> 0;
  }

  /** Answers as the core does at a safe point: what was signalled, by line. */
  answer(): Map<number, number> {
    const signals = new Map<number, number>();
    const words = this.#words;
    let summary = Atomics.exchange(words, SUMMARY, 0);
    for (let word = 0; summary !== 0; word++, summary >>>= 1) {
      if ((summary & 1) === 0) continue;
      const lines = Atomics.exchange(words, WORDS / 4 + word, 0);
      for (let bit = 0; bit < 32; bit++) {
        if (((lines >>> bit) & 1) === 0) continue;
        const line = word * 32 + bit;
        signals.set(line, Atomics.exchange(words, COUNTS / 4 + line, 0) >>> 0);
      }
    }
    return signals;
  }
}

/** Waits until `condition` holds, turn by turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = process.hrtime.bigint() + 10_000_000_000n;
  while (!condition()) {
    if (process.hrtime.bigint() > end) throw new Error(`waited too long until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

setFlagsFromString('--expose-gc');
/** Collects all garbage. */
export const collect = runInNewContext('gc') as () => void;

export function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Lines of /proc/self/maps. */
export function mappings(): number {
  return readFileSync('/proc/self/maps', 'utf8').split('\n').length;
}

/** Checks after each test that it has given everything back. */
export function expectNothingLeft(check: (open: object) => void): void {
  afterEach(() => check(kernel().resources()));
}
