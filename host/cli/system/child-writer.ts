import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { EIO } from '../../../assembly/abi/linux';
import type { SysfsWriter } from '../environment';
import { errnoOf } from './errno';

/**
 * One write(2), by a process of its own: while the kernel waits for the last
 * user of a device nothing can end the call, and whoever makes it cannot exit.
 * O_WRONLY, because attributes such as `unbind` cannot be read.
 */
const WRITE = `
const fs = require('node:fs');
const [path, text] = process.argv.slice(1);
let result = 0;
fs.writeSync(1, 'begun ');
try {
  const fd = fs.openSync(path, fs.constants.O_WRONLY);
  fs.writeSync(fd, text);
} catch (error) {
  result = Math.abs(error.errno ?? ${EIO});
}
fs.writeSync(1, String(result));
`;
const ANSWER = /^begun (\d+)$/;
/** Starting a process may take long where everything does; only the write itself is timed. */
const START_MS = 60_000;

/** Writes to sysfs in a way that can be given up. */
export class ChildWriter implements SysfsWriter {
  set(path: string, text: string): number {
    try {
      const fd = openSync(path, constants.O_WRONLY);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  write(path: string, text: string, timeoutMs: number): Promise<number | 'pending'> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['-e', WRITE, path, text], {
        // A session of its own: Ctrl-C is for us, who undo; not for a write that is half done.
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      const giveUp = () => {
        child.stdout.destroy();
        child.unref();
        resolve('pending');
      };
      let timer = setTimeout(giveUp, START_MS);
      child.stdout.on('data', (chunk) => {
        if (output === '') {
          clearTimeout(timer);
          timer = setTimeout(giveUp, timeoutMs);
        }
        output += chunk;
      });
      child.on('error', () => {
        clearTimeout(timer);
        resolve(EIO);
      });
      child.on('close', () => {
        clearTimeout(timer);
        resolve(Number(ANSWER.exec(output)?.[1] ?? EIO));
      });
    });
  }
}
