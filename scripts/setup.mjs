// Brings a fresh clone to the point where its tools run. Uses nothing that is
// not part of Node.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMP = 'node_modules/.installed';

/**
 * Runs a program in the project's folder; throws when it fails.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').ExecFileSyncOptions} [options]
 */
export function run(program, args, options = {}) {
  execFileSync(program, args, { cwd: root, stdio: 'inherit', ...options });
}

/** Runs a program of a dependency. @param {string} name @param {readonly string[]} args */
export function runTool(name, args, options = {}) {
  run(join(root, 'node_modules', '.bin', name), args, options);
}

/** Installs the dependencies when they are missing or not those of the lock file. */
export function installDependencies() {
  process.chdir(root);
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return false;
  process.stderr.write('Installing the development dependencies (once)\n');
  // Not `npm ci`: it refuses a lock file without the optional packages of every
  // platform, which registries that mirror only some platforms do not give.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(STAMP, wanted);
  return true;
}

/** Says in one line what went wrong, and ends with exit code 1. @param {unknown} error */
export function fail(error) {
  const failed = /** @type {{ status?: number, message?: string }} */ (error);
  if (typeof failed.status !== 'number') console.error(failed.message ?? error);
  process.exit(failed.status || 1);
}
