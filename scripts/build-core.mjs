// Compiles assembly/ to .cache/core/<target>.wasm and writes what the host
// takes from it: the release core as text, and the types of the exports.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { buildIfStale } from './freshness.mjs';

const GENERATED = 'host/core/generated';
const CACHE = '.cache/core';
const SOURCES = ['assembly', 'asconfig.json', 'package-lock.json'];

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
  mkdirSync(GENERATED, { recursive: true });
  for (const target of targets) {
    const output = join(CACHE, `${target}.wasm`);
    await buildIfStale(output, `core-${target}`, SOURCES, () => compile(target));
  }
  const wasm = readFileSync(join(CACHE, 'release.wasm'));
  writeIfChanged(
    join(GENERATED, 'release-wasm.ts'),
    `// Written by scripts/build-core.mjs from assembly/; not kept in git.\n` +
      `/** The release core, base64. */\n` +
      `export const releaseWasm =\n  '${wasm.toString('base64')}';\n`,
  );
  writeIfChanged(join(GENERATED, 'core.d.ts'), readFileSync(join(CACHE, 'release.d.ts'), 'utf8'));
  return wasm.length;
}

if (process.argv[1]?.endsWith('build-core.mjs')) {
  console.log(`core.wasm: ${await buildCore()} bytes`);
}
