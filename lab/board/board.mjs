// Starts the board and connects to it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from './connection.mjs';
import { qemuArguments, sockets } from './machine.mjs';
import { Outside } from './outside.mjs';

/**
 * @param {import('../build/guest.mjs').Guest} guest
 * @param {object} options
 * @param {string} options.append for the kernel's command line
 * @param {'inherit' | 'pipe'} options.console 'inherit': the terminal is the guest's console
 * @param {(line: string) => void} [options.onReport] hears what the guest reports
 * @returns the process, and `stop()`, which ends it at once
 */
export async function startBoard(guest, { append, console: terminal, onReport }) {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-lab-'));
  const args = qemuArguments({ ...guest, folder, append: `${guest.append} ${append}` });
  const qemu = spawn('qemu-system-aarch64', [...args, '-qtest-log', '/dev/null'], {
    stdio: [terminal === 'inherit' ? 'inherit' : 'ignore', terminal, terminal],
  });
  let alive = true;
  const ended = new Promise((resolve, reject) => {
    qemu.on('error', reject);
    qemu.on('exit', (code, signal) => resolve(signal ?? code));
  }).finally(() => {
    alive = false;
    rmSync(folder, { recursive: true, force: true });
  });
  const stop = () => qemu.kill('SIGKILL');
  process.once('exit', stop);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => process.exit(130));
  }

  /** @type {Record<string, Connection>} */
  const open = {};
  for (const name of sockets) open[name] = await Connection.open(join(folder, name), () => alive);
  const outside = new Outside(open);
  await outside.start();
  open.board.onLine = async (line) => {
    const answer = await outside.carryOut(JSON.parse(line)).then(
      (value) => ({ ok: true, value }),
      (error) => ({ ok: false, error: error.message }),
    );
    open.board.send(`${JSON.stringify(answer)}\n`);
  };
  open.results.onLine = onReport;
  return { qemu, ended, stop, outside };
}
