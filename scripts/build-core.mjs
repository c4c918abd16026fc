// Compiles assembly/ to .cache/core/<target>.wasm and writes what the host
// takes from it: the release core as text, and the types of the exports.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const GENERATED = 'host/core/generated';
const CACHE = '.cache/core';

/** @param {string} folder @returns {string[]} */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sources(path);
      return entry.name.endsWith('.ts') ? [path] : [];
    });
}

/** @param {string} path @param {string} text */
function writeIfChanged(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeFileSync(path, text);
}

/** @param {string} target a target of asconfig.json */
async function compile(target) {
  const { error, stdout, stderr } = await asc.main([
    '--config',
    'asconfig.json',
    '--target',
    target,
  ]);
  if (error) throw new Error(`asc --target ${target} failed\n${stdout}${stderr}`);
}

/**
 * Builds the core when its sources have changed since.
 * @param {readonly string[]} targets
 */
export async function buildCore(targets = ['release', 'debug']) {
  mkdirSync(CACHE, { recursive: true });
  mkdirSync(GENERATED, { recursive: true });
  const hash = createHash('sha256');
  for (const path of [...sources('assembly'), 'asconfig.json', 'package-lock.json']) {
    hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  }
  const digest = hash.digest('hex');
  let changed = false;
  for (const target of targets) {
    const stamp = join(CACHE, `${target}.stamp`);
    const fresh =
      existsSync(join(CACHE, `${target}.wasm`)) &&
      existsSync(stamp) &&
      readFileSync(stamp, 'utf8') === digest;
    if (fresh) continue;
    await compile(target);
    writeFileSync(stamp, digest);
    changed = true;
  }
  const wasm = readFileSync(join(CACHE, 'release.wasm'));
  writeIfChanged(
    join(GENERATED, 'release-wasm.ts'),
    `// Written by scripts/build-core.mjs from assembly/; not kept in git.\n` +
      `/** The release core, base64. */\n` +
      `export const releaseWasm =\n  '${wasm.toString('base64')}';\n`,
  );
  writeIfChanged(join(GENERATED, 'core.d.ts'), readFileSync(join(CACHE, 'release.d.ts'), 'utf8'));
  return { changed, bytes: wasm.length };
}

if (process.argv[1]?.endsWith('build-core.mjs')) {
  const { bytes } = await buildCore();
  console.log(`core.wasm: ${bytes} bytes`);
}
