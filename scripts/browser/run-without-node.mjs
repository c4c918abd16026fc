import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('without-node.mjs', import.meta.url));
const PATIENCE_MS = 120_000;

/**
 * Replays recordings with dist/trace.js in a context without Node.
 * @param {readonly string[]} paths
 */
export function withoutNode(paths) {
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  return JSON.parse(
    execFileSync(process.execPath, [...flags, PROGRAM, ...paths], {
      encoding: 'utf8',
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    }),
  );
}
