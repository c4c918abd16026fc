import { spawn } from 'node:child_process';
import { EIO } from '../../../assembly/abi/linux';
import type { SysfsWriter } from '../environment';

/**
 * One write(2), by a process of its own: while the kernel waits for the last
 * user of a device nothing can end the call, and whoever makes it cannot exit.
 * O_WRONLY, because attributes such as `unbind` cannot be read.
 */
const WRITE = `
const fs = require('node:fs');
const [path, text] = process.argv.slice(1);
let result = 0;
try {
  const fd = fs.openSync(path, fs.constants.O_WRONLY);
  fs.writeSync(fd, text);
} catch (error) {
  result = Math.abs(error.errno ?? ${EIO});
}
process.stdout.write(String(result));
`;

/** Writes to sysfs in a way that can be given up. */
export class ChildWriter implements SysfsWriter {
  write(path: string, text: string, timeoutMs: number): Promise<number | 'pending'> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['-e', WRITE, path, text], {
        // A session of its own: Ctrl-C is for us, who undo; not for a write that is half done.
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.unref();
        resolve('pending');
      }, timeoutMs);
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      child.on('error', () => {
        clearTimeout(timer);
        resolve(EIO);
      });
      child.on('close', () => {
        clearTimeout(timer);
        resolve(/^\d+$/.test(output) ? Number(output) : EIO);
      });
    });
  }
}
