// Tells whether something built is still what its sources would give.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @param {string} path @returns {string[]} the file, or all files below the folder, in one order */
function filesBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter((name) => name !== 'generated')
    .flatMap((name) => filesBelow(join(path, name)));
}

/** @param {readonly string[]} paths files and folders */
function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesBelow)) {
    hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

/**
 * Whether `output` is there and the sources are as they were when it was built.
 * @param {string} output a file or folder that the build makes
 * @param {string} name of the stamp that remembers the sources
 * @param {readonly string[]} sources files and folders
 */
export function isFresh(output, name, sources) {
  const stamp = join('.cache/stamps', name);
  return existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest(sources);
}

/**
 * Runs `build` unless `output` is there and the sources are as they were when
 * it last succeeded.
 * @param {string} output a file or folder that the build makes
 * @param {string} name of the stamp that remembers the sources
 * @param {readonly string[]} sources files and folders
 * @param {() => void | Promise<void>} build
 */
export async function buildIfStale(output, name, sources, build) {
  const stamp = join('.cache/stamps', name);
  const wanted = digest(sources);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await build();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}
