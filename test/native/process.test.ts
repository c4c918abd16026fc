import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { describeNative, kernel, regionFile, WINDOW } from './support';

const EMFILE = 24;

const PRELUDE = (addon: string, region: string) => `
  const addon = require(${JSON.stringify(addon)});
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
  const words = new Int32Array(memory.buffer);
  const region = require('node:fs').openSync(${JSON.stringify(region)}, 'r+');
  addon.adopt(region, true);
  addon.mmap(memory, 0x10000, 0x10000, 3, region, 0, 0);
  const trigger = addon.eventfd(0, 0x800);
  let wakes = 0;
  const doorbell = addon.addDoorbell(memory, 0, 64, 192, 1024, () => { wakes++; onWake(); });
  let onWake = () => {};
  addon.watch(trigger, doorbell, 0);
  const one = new Uint8Array(8); one[0] = 1;
  const signal = () => addon.write(trigger, one, 0, 8);
`;

function addonPath(): string {
  const require = createRequire(import.meta.url);
  return require('node-gyp-build').path(new URL('../../native', import.meta.url).pathname);
}

/** Runs a program with a window, a watch and descriptors open. */
function program(region: string, body: string) {
  return spawnSync(process.execPath, ['-e', PRELUDE(addonPath(), region) + body], {
    encoding: 'utf8',
    timeout: 20_000,
  });
}

describeNative('a process with devices open', () => {
  const endings: [how: string, body: string, status: number][] = [
    ['ends by itself, as idle devices do not hold it', '', 0],
    ['ends by process.exit()', 'process.exit(3);', 3],
    [
      'ends by process.exit() with signals on their way',
      'for (let i = 0; i < 1e5; i++) signal(); process.exit(4);',
      4,
    ],
    ['ends by an exception', 'throw new Error("on purpose");', 1],
    [
      'ends inside a wake-up',
      'addon.keepAlive(true); onWake = () => process.exit(5); signal();',
      5,
    ],
    [
      'ends by an exception inside a wake-up',
      'addon.keepAlive(true); onWake = () => { throw new Error("on purpose"); }; signal();',
      1,
    ],
    [
      'ends after the last signal, when it was asked to stay',
      'addon.keepAlive(true); onWake = () => { if (wakes === 3) addon.keepAlive(false); else { words[0] = 0; signal(); } }; signal();',
      0,
    ],
  ];
  it.each(endings)('%s', (_, body, status) => {
    const { fd, path } = regionFile(WINDOW);
    kernel().close(fd);
    const result = program(path, body);
    expect({ status: result.status, signal: result.signal }).toEqual({ status, signal: null });
    if (status !== 1) expect(result.stderr).toBe('');
  });

  it('ends by a SIGBUS that has nothing to do with its windows', () => {
    const { fd, path } = regionFile(WINDOW);
    kernel().close(fd);
    const result = program(path, 'process.kill(process.pid, "SIGBUS"); for (;;);');
    // ASan, which handles it itself, comes before the addon.
    const signal = process.env.VFIO_PLAY_PRELOAD_FIRST ? 'SIGABRT' : 'SIGBUS';
    expect({ status: result.status, signal: result.signal }).toEqual({ status: null, signal });
  });

  it('stays while it was asked to, and can be killed in the middle', async () => {
    const { fd, path } = regionFile(WINDOW);
    kernel().close(fd);
    const body = `addon.keepAlive(true); onWake = () => { words[0] = 0; signal(); };
      signal(); console.log('ready');`;
    const child = spawn(process.execPath, ['-e', PRELUDE(addonPath(), path) + body], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) =>
      child.once('exit', (_, signal) => resolve(signal)),
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
  });

  it('that had too few descriptors for its first watch can watch when it has', () => {
    // What is left over from the failure would be polled by libuv, and its number taken by a socket.
    const body = `
      const addon = require(${JSON.stringify(addonPath())});
      const { openSync, closeSync, readdirSync, readlinkSync } = require('node:fs');
      const net = require('node:net');
      const epolls = () => readdirSync('/proc/self/fd').filter((fd) => {
        try { return readlinkSync('/proc/self/fd/' + fd).includes('eventpoll'); } catch { return false; }
      }).length;
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
      const words = new Int32Array(memory.buffer);
      let wakes = 0;
      const doorbell = addon.addDoorbell(memory, 0, 64, 192, 1024, () => { wakes++; });
      const trigger = addon.eventfd(0, 0x800);
      const before = epolls();
      // One descriptor is enough for the epoll, and none is left to stop the thread.
      const taken = [];
      try { for (;;) taken.push(openSync('/dev/null')); } catch {}
      closeSync(taken.pop());
      const failed = addon.watch(trigger, doorbell, 0);
      for (const fd of taken) closeSync(fd);
      const left = epolls() - before;
      const second = addon.watch(trigger, doorbell, 0);
      const one = new Uint8Array(8); one[0] = 1;
      addon.write(trigger, one, 0, 8);
      const server = net.createServer((socket) => socket.pipe(socket));
      server.listen(0, '127.0.0.1', async () => {
        let echoes = 0;
        for (let i = 0; i < 8; i++) {
          await new Promise((resolve) => {
            const socket = net.connect(server.address().port, '127.0.0.1', () => socket.write('x'));
            socket.once('data', () => { echoes++; resolve(); });
          });
        }
        console.log(JSON.stringify({ failed, left, second, wakes, signals: words[48], echoes }));
        process.exit(0);
      });`;
    // The real kernel; an addon under ASan still needs its runtime first.
    const env = { ...process.env, LD_PRELOAD: process.env.VFIO_PLAY_PRELOAD_FIRST ?? '' };
    const limited = ['-c', 'ulimit -n 128; exec "$@"', 'sh', process.execPath, '-e', body];
    const result = spawnSync('/bin/sh', limited, { encoding: 'utf8', timeout: 20_000, env });
    expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toEqual({
      failed: -EMFILE,
      left: 0,
      second: 0,
      wakes: 1,
      signals: 1,
      echoes: 8,
    });
  });
});
