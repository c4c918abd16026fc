// One step of the lab's build: made once, made again when what it is made from changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/** Everything that is built for the lab. */
export const cache = join(root, '.cache/lab');

/** @param {string} path a file or folder @returns {string[]} its files, in one order */
function filesBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/**
 * @param {readonly string[]} paths files and folders, relative to the project
 * @returns {string} a digest of their names and contents
 */
export function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((path) => filesBelow(join(root, path)))) {
    hash.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

/**
 * Runs a program; throws an error with the end of its output when it fails.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [environment] added to the present one
 */
export function sh(program, args, environment = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return stdout;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-25).join('\n');
  throw new Error(
    `${[program, ...args].join(' ')} failed: ${error?.message ?? (signal ? `ended by ${signal}` : said)}`,
  );
}

/**
 * Makes the folder `.cache/lab/NAME` unless it is there and was made from the
 * same things. It is built next to its place and moved there when it is
 * complete, so that an interrupted build leaves nothing half done.
 *
 * @param {string} name
 * @param {readonly string[]} inputs digests, versions: what the result depends on
 * @param {(folder: string) => void | Promise<void>} build fills the folder
 * @returns {Promise<{ folder: string, key: string }>} `key` is an input for steps that build on it
 */
export async function step(name, inputs, build) {
  const folder = join(cache, name);
  const stamp = join(folder, '.made-from');
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return { folder, key };
  const start = process.hrtime.bigint();
  process.stderr.write(`lab: ${name} ... `);
  // A build that was interrupted is of no use to anybody.
  for (const left of existsSync(cache) ? readdirSync(cache) : []) {
    if (left.startsWith(`${name}.new-`)) rmSync(join(cache, left), { recursive: true });
  }
  const fresh = `${folder}.new-${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    await build(fresh);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    process.stderr.write('failed\n');
    throw error;
  }
  writeFileSync(join(fresh, '.made-from'), key);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  process.stderr.write(`${seconds.toFixed(1)} s\n`);
  return { folder, key };
}
