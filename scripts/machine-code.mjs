// npm run machine-code: what V8 makes of the loads and stores of a window
// (assembly/access/window.ts), by its baseline and its optimizing compiler.
// docs/machine-code.md shows and explains the output.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDER = '.cache/machine-code';
const ENTRY = `${FOLDER}/entry.ts`;
const MODULE = `${FOLDER}/window.wasm`;

/** Both of V8's compilers, each alone and at once. */
const compilers = {
  Liftoff: ['--liftoff-only'],
  TurboFan: ['--no-liftoff', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'],
};
const COMPILE = 'new WebAssembly.Module(require("node:fs").readFileSync(process.argv[1]))';

/** The accesses that are asked for; each export is one instruction of Wasm. */
const accesses = [
  ['load8', 'loadMemory(pointer, 1)', false],
  ['load16', 'loadMemory(pointer, 2)', false],
  ['load32', 'loadMemory(pointer, 4)', false],
  ['store8', 'storeMemory(pointer, 1, value)', true],
  ['store16', 'storeMemory(pointer, 2, value)', true],
  ['store32', 'storeMemory(pointer, 4, value)', true],
];

/** Where the code of each export is in the module: index by name. @param {Uint8Array} wasm */
function exportIndices(wasm) {
  const indices = new Map();
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < wasm.length) {
    const section = wasm[at++];
    const size = number();
    const end = at + size;
    if (section === 7) {
      for (let left = number(); left > 0; left--) {
        const length = number();
        const name = Buffer.from(wasm.subarray(at, at + length)).toString();
        at += length;
        const kind = wasm[at++];
        const index = number();
        if (kind === 0) indices.set(name, index);
      }
    }
    at = end;
  }
  return indices;
}

/**
 * Instructions of each access as [compiler, access, instructions], register
 * names and all, for this machine's architecture.
 * @returns {[compiler: string, access: string, instructions: string[]][]}
 */
export function machineCode() {
  mkdirSync(join(root, FOLDER), { recursive: true });
  const source = accesses.map(([name, call, store]) =>
    store
      ? `export function ${name}(pointer: u32, value: u32): void { ${call}; }`
      : `export function ${name}(pointer: u32): u32 { return ${call}; }`,
  );
  writeFileSync(
    join(root, ENTRY),
    `import { loadMemory, storeMemory } from '../../assembly/access/window';\n${source.join('\n')}\n`,
  );
  const options = ['-O3', '--runtime', 'stub', '--importMemory', '--enable', 'threads'];
  execFileSync(
    join(root, 'node_modules', '.bin', 'asc'),
    [ENTRY, '--outFile', MODULE, '--maximumMemory', '16384', '--noAssert', ...options],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const indices = exportIndices(readFileSync(join(root, MODULE)));
  /** @type {[string, string, string[]][]} */
  const listing = [];
  for (const [compiler, flags] of Object.entries(compilers)) {
    const printed = execFileSync(
      process.execPath,
      ['--print-wasm-code', '--no-wasm-lazy-compilation', ...flags, '-e', COMPILE, MODULE],
      { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    const functions = printed.split('--- WebAssembly code ---');
    for (const [access] of accesses) {
      const code = functions.find(
        (text) =>
          text.includes(`\nindex: ${indices.get(access)}\n`) &&
          text.includes(`compiler: ${compiler}`),
      );
      listing.push([compiler, String(access), instructionsOf(code ?? '')]);
    }
  }
  return listing;
}

/** @param {string} code as V8 prints it */
function instructionsOf(code) {
  return code
    .split('\n')
    .map((line) => /^0x[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+ +(.*\S)/.exec(line)?.[1])
    .filter((line) => line !== undefined);
}

/** Whether an instruction accesses linear memory: neither the stack nor the instance. */
export function touchesMemory(/** @type {string} */ instruction) {
  if (process.arch === 'arm64') return /^(ld|st|swp|cas)\S* .*\[x\d+, [wx]\d+/.test(instruction);
  // LEA only computes the address.
  return /\[r\w+\+r\w+\*1/.test(instruction) && !/\bleaq\b/.test(instruction);
}

if (process.argv[1]?.endsWith('machine-code.mjs')) {
  console.log(`Node ${process.version}, V8 ${process.versions.v8}, ${process.arch}`);
  for (const [compiler, access, instructions] of machineCode()) {
    const shown = instructions.filter(touchesMemory);
    console.log(`${compiler.padEnd(9)} ${access.padEnd(8)} ${shown.join('; ')}`);
  }
}
