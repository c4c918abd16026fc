import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { collect, describeNative, kernel, openFiles, regionFile, until, WINDOW } from './support';

const addonPath = () => {
  const require = createRequire(import.meta.url);
  return require('node-gyp-build').path(new URL('../../native', import.meta.url).pathname);
};

interface Told {
  readonly signals: number;
}

/** Runs worker.mjs until it has told its figures; `how` says what it does then. */
function start(region: string, slot: number, how: string, rounds = 200) {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    // The addon closes what it adopts; Node would close it once more.
    trackUnmanagedFds: false,
    workerData: { addon: addonPath(), region, slot, how, rounds },
  });
  const told = new Promise<Told>((resolve, reject) => {
    worker.on('message', (message) => message !== 'ready' && resolve(message));
    worker.once('error', reject);
  });
  const ready = new Promise<void>((resolve) => worker.once('message', () => resolve()));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return { worker, ready, told, ended };
}

describeNative('worker threads', () => {
  it('have the addon for themselves, and give everything back however they end', async () => {
    const { fd, path } = regionFile(WINDOW);
    const first = start(path, 0, 'end');
    await first.told;
    await first.ended;
    const files = openFiles();
    const workers = ['end', 'exit', 'wait', 'end', 'exit', 'wait'].map((how, slot) => ({
      how,
      ...start(path, slot, how),
    }));
    for (const { worker, told, ended, how } of workers) {
      expect((await told).signals).toBe(200);
      if (how === 'wait') await worker.terminate();
      await ended;
    }
    collect();
    await until(() => openFiles() <= files, 'the descriptors are closed');
    const region = readFileSync(path);
    expect(Array.from({ length: 6 }, (_, slot) => region.readUInt32LE(slot * 4))).toEqual([
      400, 200, 200, 200, 200, 200,
    ]);
    expect(kernel().resources()).toMatchObject({ fds: 1, mappings: 0, watches: 0 });
    kernel().close(fd);
  });

  it('that are ended in the middle of their signals leave nothing', async () => {
    const { fd, path } = regionFile(WINDOW);
    const files = openFiles();
    for (let round = 0; round < 10; round++) {
      const { worker, ready, ended } = start(path, 0, 'end', 1e9);
      await ready;
      await new Promise((resolve) => setTimeout(resolve, 7 * round));
      await worker.terminate();
      await ended;
    }
    await until(() => openFiles() <= files, 'the descriptors are closed');
    kernel().close(fd);
  });
});
