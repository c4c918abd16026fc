import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_OK } from '../../host/cli/exit-codes';

const PACKAGE = '/lab/node_modules/vfio-platform-wasm';
const { bin } = JSON.parse(readFileSync(`${PACKAGE}/package.json`, 'utf8'));

/** Starts vfio-wasm as the package's users do. */
export function start(...args: readonly string[]) {
  return startAs(0, ...args);
}

/** The same with another user's rights. */
export function startAs(uid: number, ...args: readonly string[]) {
  const program = `${PACKAGE}/${bin['vfio-wasm']}`;
  const child = spawn(process.execPath, [program, ...args], { uid, gid: uid });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    error += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (code ?? signal) as number | string,
    out,
    // Without the line breaks that depend on how long a process id is.
    error: error.replaceAll(/\s+/g, ' '),
  }));
  return { child, ended, said: () => error };
}

/** Runs it to its end. @returns what it printed as JSON */
export async function json(...args: readonly string[]) {
  const { code, out, error } = await start(...args, '--json').ended;
  assert.equal(code, EXIT_OK, `${args.join(' ')}: ${code} ${error}`);
  return JSON.parse(out);
}

/** Waits until the condition holds, half a minute at most. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 30_000) throw new Error(`no ${what}`);
    await sleep(1);
  }
}
