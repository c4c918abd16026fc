// Wasm modules to compare with: an export that does nothing, and a loop of loads.
import { main } from 'assemblyscript/asc';

const EMPTY = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // (type (func (param i32 i32 i32) (result i32)))
  ...[1, 8, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
  ...[3, 2, 1, 0],
  // (export "f" (func 0))
  ...[7, 5, 1, 1, 0x66, 0, 0],
  // local.get 1
  ...[10, 6, 1, 4, 0, 0x20, 1, 0x0b],
);

/** @returns {(region: number, offset: number, width: number) => number} gives the offset back */
export function emptyExport() {
  return new WebAssembly.Instance(new WebAssembly.Module(EMPTY)).exports.f;
}

/** As many in a row as the C program makes: the loop around them shall not count. */
const IN_A_ROW = 16;
const LOADS = `
export function loads(pointer: usize, count: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i += ${IN_A_ROW}) {
    ${'sum += atomic.load<u32>(pointer);'.repeat(IN_A_ROW)}
  }
  return sum;
}

export function chain(pointer: usize, offset: u32, count: u32): u32 {
  for (let i: u32 = 0; i < count; i += ${IN_A_ROW}) {
    ${'offset = atomic.load<u32>(pointer + offset);'.repeat(IN_A_ROW)}
  }
  return offset;
}`;

/**
 * The load that the core makes, over and over, in the core's own memory.
 * @param {WebAssembly.Memory} memory
 * @returns {Promise<{
 *   loads(pointer: number, count: number): number,
 *   chain(pointer: number, offset: number, count: number): number,
 * }>} `loads` gives the sum of `count` loads, a multiple of 16; `chain` loads from the
 *   offset that the load before it gave
 */
export async function bareLoads(memory) {
  let binary;
  const { error, stderr } = await main(
    [
      ...['loads.ts', '--outFile', 'loads.wasm', '-O3', '--importMemory', '--runtime', 'stub'],
      ...['--enable', 'threads'],
    ],
    {
      readFile: (name) => (name === 'loads.ts' ? LOADS : null),
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`bench: ${error.message}\n${stderr}`);
  const module = new WebAssembly.Module(binary);
  const imports = { env: { memory, abort() {} } };
  return new WebAssembly.Instance(module, imports).exports;
}
