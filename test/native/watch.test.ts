import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EAGAIN, EBADF, EEXIST, EINVAL, ENOENT } from '../../assembly/abi/linux';
import type { Doorbell } from '../../host/boundary/kernel';
import { NativeHost } from '../../host/native/host';
import {
  describeNative,
  eventfd,
  expectNothingLeft,
  kernel,
  MemoryDoorbell,
  openFiles,
  signal,
  until,
} from './support';

/** Waits without the event loop, as an emulator does that runs its guest. */
function spin(condition: () => boolean): void {
  const end = process.hrtime.bigint() + 10_000_000_000n;
  while (!condition()) if (process.hrtime.bigint() > end) throw new Error('waited too long');
}

/** Writes the eventfd without a pause, and counts, until it is to stop, or its test has failed. */
const SIGNALLER = `
  const { writeSync } = require('node:fs');
  const { fd, stop } = require('node:worker_threads').workerData;
  const one = new Uint8Array(8);
  one[0] = 1;
  const end = performance.now() + 120_000;
  while (Atomics.load(stop, 0) === 0 && performance.now() < end) {
    writeSync(fd, one);
    Atomics.add(stop, 1, 1);
  }
  Atomics.store(stop, 0, 2);`;

describeNative('a watched eventfd', () => {
  expectNothingLeft((open) => expect(open).toMatchObject({ eventfds: 0, watches: 0 }));

  it('rings the doorbell in memory while JavaScript runs, and wakes the event loop once', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    expect(kernel().watch(fd, doorbell, 37)).toBe(0);
    signal(fd, 3);
    spin(() => doorbell.ringing);
    expect(doorbell.wakes).toBe(0);
    signal(fd, 2);
    await until(() => doorbell.wakes > 0, 'the event loop is woken');
    spin(() => doorbell.waiting(37) === 5);
    expect(doorbell.answer()).toEqual(new Map([[37, 5]]));
    expect(kernel().read(fd, new Uint8Array(8), 0, 8)).toBe(-EAGAIN);
    kernel().unwatch(fd);
    kernel().close(fd);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(doorbell.wakes).toBe(1);
  });

  it('rings while JavaScript runs in a callback of the event loop', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    kernel().watch(fd, doorbell, 37);
    const { port1, port2 } = new MessageChannel();
    // For libuv the loop is still waiting then.
    const arrived = new Promise<void>((resolve, reject) => {
      port2.onmessage = () => {
        try {
          for (let round = 1; round <= 3; round++) {
            signal(fd, round);
            spin(() => doorbell.ringing);
            expect(doorbell.answer()).toEqual(new Map([[37, round]]));
          }
          resolve();
        } catch (error) {
          reject(error);
        }
      };
    });
    port1.postMessage('');
    await arrived;
    port1.close();
    kernel().unwatch(fd);
    kernel().close(fd);
  });

  it('wakes a loop that looks around for the next one as it wakes one that sleeps', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    kernel().watch(fd, doorbell, 0);
    for (const us of [0, 1000, 200]) {
      new NativeHost().haltPoll(us);
      const before = doorbell.wakes;
      for (let round = 1; round <= 50; round++) {
        signal(fd);
        await until(() => doorbell.wakes === before + round, `wake-up ${round}`);
        expect(doorbell.answer()).toEqual(new Map([[0, 1]]));
      }
    }
    for (const us of [-1, 1001, 0.5, Number.NaN]) {
      expect(() => new NativeHost().haltPoll(us)).toThrow(/^haltPoll must have 0 to 1000/);
    }
    kernel().unwatch(fd);
    kernel().close(fd);
  });

  it('that is signalled all the time leaves the event loop to others, too', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    kernel().watch(fd, doorbell, 0);
    new NativeHost().haltPoll(1000);
    let told = 0;
    doorbell.onWake = () => {
      told += doorbell.answer().get(0) ?? 0;
    };
    const stop = new Int32Array(new SharedArrayBuffer(8));
    const signaller = new Worker(SIGNALLER, { eval: true, workerData: { fd, stop } });
    const ended = new Promise((resolve) => signaller.once('exit', resolve));
    await until(() => doorbell.wakes > 10, 'the device is busy');
    const before = doorbell.wakes;
    for (let round = 0; round < 10; round++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await new Promise((resolve) => setImmediate(resolve));
      expect((await readFile(new URL(import.meta.url))).length).toBeGreaterThan(0);
    }
    expect(doorbell.wakes).toBeGreaterThan(before);
    expect(Atomics.exchange(stop, 0, 1)).toBe(0);
    await ended;
    await until(() => told === Atomics.load(stop, 1), 'every signal has been told of');
    kernel().unwatch(fd);
    kernel().close(fd);
  });

  it('wakes again after every answer', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    kernel().watch(fd, doorbell, 0);
    for (let round = 1; round <= 100; round++) {
      signal(fd);
      await until(() => doorbell.wakes === round, `wake-up ${round}`);
      expect(doorbell.answer()).toEqual(new Map([[0, 1]]));
    }
    kernel().unwatch(fd);
    kernel().close(fd);
  });

  it('that was signalled before is delivered at once', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd(9);
    kernel().watch(fd, doorbell, 1);
    await until(() => doorbell.wakes === 1, 'the wake-up');
    expect(doorbell.answer()).toEqual(new Map([[1, 9]]));
    kernel().unwatch(fd);
    kernel().close(fd);
  });

  it('has delivered everything when its watch ends', () => {
    const doorbell = new MemoryDoorbell();
    for (let i = 1; i <= 500; i++) {
      const fd = eventfd();
      kernel().watch(fd, doorbell, i);
      signal(fd, i);
      kernel().unwatch(fd);
      expect(doorbell.answer()).toEqual(new Map([[i, i]]));
      signal(fd);
      expect(kernel().read(fd, new Uint8Array(8), 0, 8)).toBe(8);
      kernel().close(fd);
    }
  });

  it('that is closed delivers no more, and its number can be watched anew', async () => {
    const doorbell = new MemoryDoorbell();
    const first = eventfd();
    kernel().watch(first, doorbell, 5);
    kernel().close(first);
    const second = eventfd();
    expect(second).toBe(first);
    kernel().watch(second, doorbell, 6);
    signal(second, 4);
    await until(() => doorbell.wakes > 0, 'the wake-up');
    expect(doorbell.answer()).toEqual(new Map([[6, 4]]));
    kernel().unwatch(second);
    kernel().close(second);
  });

  it('serves a doorbell without memory through the event loop, and at once when it ends', async () => {
    const rings: [number, number][] = [];
    const doorbell: Doorbell = { ring: (line, count) => rings.push([line, count]) };
    const fd = eventfd();
    kernel().watch(fd, doorbell, 1023);
    signal(fd, 2);
    await until(() => rings.length > 0, 'the ring');
    expect(rings).toEqual([[1023, 2]]);
    signal(fd, 3);
    kernel().unwatch(fd);
    expect(rings).toEqual([
      [1023, 2],
      [1023, 3],
    ]);
    kernel().close(fd);
  });

  it('is refused where it makes no sense', () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    expect(kernel().watch(fd, doorbell, 1024)).toBe(-EINVAL);
    expect(kernel().watch(0, doorbell, 0)).toBe(-EBADF);
    expect(kernel().unwatch(fd)).toBe(-ENOENT);
    expect(kernel().unwatch(12345)).toBe(-EBADF);
    kernel().watch(fd, doorbell, 0);
    expect(kernel().watch(fd, doorbell, 1)).toBe(-EEXIST);
    kernel().unwatch(fd);
    // A blocking read of a drained eventfd would stop the thread for ever.
    const blocking = kernel().eventfd(0, 0);
    expect(kernel().watch(blocking, doorbell, 0)).toBe(-EINVAL);
    kernel().close(blocking);
    kernel().close(fd);
  });

  it('is one of thousands on one thread', async () => {
    const doorbells = Array.from({ length: 4 }, () => new MemoryDoorbell());
    const files = openFiles();
    const fds: number[] = [];
    for (const doorbell of doorbells) {
      for (let line = 0; line < 1024; line++) {
        const fd = eventfd();
        expect(kernel().watch(fd, doorbell, line)).toBe(0);
        fds.push(fd);
      }
    }
    expect(openFiles() - files).toBe(4096);
    for (const [i, fd] of fds.entries()) signal(fd, 1 + (i % 7));
    const sums = doorbells.map(() => new Map<number, number>());
    const gather = () =>
      doorbells.forEach((doorbell, d) => {
        for (const [line, count] of doorbell.answer()) {
          sums[d]?.set(line, (sums[d]?.get(line) ?? 0) + count);
        }
      });
    await until(() => {
      gather();
      return sums.every((sum) => sum.size === 1024);
    }, 'all lines have rung');
    for (const fd of fds) kernel().unwatch(fd);
    gather();
    for (const [i, fd] of fds.entries()) {
      expect(sums[i >> 10]?.get(i & 1023)).toBe(1 + (i % 7));
      kernel().close(fd);
    }
  });

  it('loses nothing and doubles nothing, whatever happens in between', async () => {
    type Step = 'signal' | 'answer' | 'read' | 'unwatch' | 'watch' | 'turn';
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom<Step>(
          'signal',
          'signal',
          'answer',
          'read',
          'unwatch',
          'watch',
          'turn',
        ),
        line: fc.nat(3),
      }),
      { minLength: 1, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const doorbell = new MemoryDoorbell();
        const fds = Array.from({ length: 4 }, () => eventfd());
        const watched = fds.map(() => false);
        const sent = fds.map(() => 0);
        const got = fds.map(() => 0);
        const bytes = new Uint8Array(8);
        const view = new DataView(bytes.buffer);
        const answer = () => {
          for (const [line, count] of doorbell.answer()) got[line] = (got[line] ?? 0) + count;
        };
        const read = (line: number) => {
          if (kernel().read(fds[line] as number, bytes, 0, 8) === 8) {
            got[line] = (got[line] ?? 0) + Number(view.getBigUint64(0, true));
          }
        };
        for (const { what, line } of list) {
          const fd = fds[line] as number;
          if (what === 'signal') {
            signal(fd);
            sent[line] = (sent[line] ?? 0) + 1;
          } else if (what === 'answer') answer();
          else if (what === 'read') read(line);
          else if (what === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else if (what === 'watch' && !watched[line]) {
            expect(kernel().watch(fd, doorbell, line)).toBe(0);
            watched[line] = true;
          } else if (what === 'unwatch' && watched[line]) {
            expect(kernel().unwatch(fd)).toBe(0);
            watched[line] = false;
          }
        }
        for (const [line, fd] of fds.entries()) {
          if (watched[line]) kernel().unwatch(fd);
          read(line);
        }
        answer();
        expect(got).toEqual(sent);
        for (const fd of fds) kernel().close(fd);
      }),
      { numRuns: 300 },
    );
  });

  it('wakes a sleeping loop for every ring of a silent doorbell', async () => {
    const doorbell = new MemoryDoorbell();
    const fd = eventfd();
    kernel().watch(fd, doorbell, 0);
    let total = 0;
    doorbell.onWake = () => {
      total += doorbell.answer().get(0) ?? 0;
      if (total < 2000) signal(fd);
    };
    signal(fd);
    await until(() => total >= 2000, 'all signals have come round');
    expect(total).toBe(2000);
    kernel().unwatch(fd);
    kernel().close(fd);
  });
});
