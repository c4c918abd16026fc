// Starts the board and connects to it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from './connection.mjs';
import { qemuArguments, sockets } from './machine.mjs';
import { Outside } from './outside.mjs';

/**
 * Hears what the guest reports, and may answer.
 * @typedef {(line: string, answer: (message: object) => void) => void} OnReport
 */

/** What must not outlive this process, however that ends. @type {Set<() => void>} */
const atExit = new Set();
process.once('exit', () => {
  for (const clean of atExit) clean();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(130));
}

/**
 * @param {import('../build/guest.mjs').Guest} guest
 * @param {object} options
 * @param {string} options.append for the kernel's command line
 * @param {'inherit' | 'pipe'} options.console 'inherit': the terminal is the guest's console
 * @param {OnReport} [options.onReport]
 * @returns its console, its end, and `stop()`, which ends it at once
 * @throws with what QEMU says, when that does not start
 */
export async function startBoard(guest, { append, console: terminal, onReport }) {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-lab-'));
  const args = qemuArguments({ ...guest, folder, append: `${guest.append} ${append}` });
  const qemu = spawn('qemu-system-aarch64', [...args, '-qtest-log', '/dev/null'], {
    stdio: [terminal === 'inherit' ? 'inherit' : 'ignore', terminal, terminal],
  });
  let alive = true;
  const stop = () => qemu.kill('SIGKILL');
  const clean = () => {
    stop();
    rmSync(folder, { recursive: true, force: true });
  };
  atExit.add(clean);
  const ended = new Promise((resolve, reject) => {
    qemu.on('error', reject);
    qemu.on('close', (code, signal) => resolve(signal ?? code));
  }).finally(() => {
    alive = false;
    clean();
    atExit.delete(clean);
  });
  // Whoever waits for the end hears of an error; nobody does yet.
  ended.catch(() => {});
  let complaint = '';
  qemu.stderr?.on('data', (chunk) => {
    complaint += chunk;
    process.stderr.write(chunk);
  });

  const early = ended.then(() => {
    throw new Error(`QEMU ended before it was ready: ${complaint.trim()}`);
  });
  early.catch(() => {});

  /** @type {Record<string, Connection>} */
  const open = {};
  for (const name of sockets) {
    open[name] = (await Connection.open(join(folder, name), () => alive)) ?? (await early);
  }
  const outside = new Outside(open);
  await Promise.race([outside.start(), early]);
  open.board.onLine = async (line) => {
    const answer = await outside.carryOut(JSON.parse(line)).then(
      (value) => ({ ok: true, value }),
      (error) => ({ ok: false, error: error.message }),
    );
    open.board.send(`${JSON.stringify(answer)}\n`);
  };
  open.results.onLine = (line) => {
    onReport?.(line, (message) => open.results.send(`${JSON.stringify(message)}\n`));
  };
  return { console: qemu.stdout, ended, stop, outside };
}
