import { instantiateSync } from '@assemblyscript/loader';
import { ABI_VERSION } from '../../assembly/boundary/version';
import { MAX_MEMORY_BYTES, WINDOW_ALIGNMENT } from '../../assembly/limits';
import { STATE_END } from '../../assembly/state/layout';
import { VfioError } from '../errors';
import type { CoreExports, CoreImports } from './boundary-types';
import { CoreMemory } from './core-memory';

const WASM_PAGE = 0x10000;

/** First byte that windows may use. */
export const WINDOW_START = Math.ceil(STATE_END / WINDOW_ALIGNMENT) * WINDOW_ALIGNMENT;

/** An instance of the core with its memory. */
export interface Core {
  readonly exports: CoreExports;
  readonly memory: CoreMemory;
}

function refuse(name: string): () => never {
  return () => {
    throw new Error(`the core called env.${name}, which it must not use`);
  };
}

/** @throws VfioError OPTION_INVALID when a core cannot have so much memory, or so little */
export function checkMemoryBytes(memoryBytes: number): void {
  if (memoryBytes >= WINDOW_START && memoryBytes <= MAX_MEMORY_BYTES) return;
  throw new VfioError(
    'OPTION_INVALID',
    `memoryBytes must be ${WINDOW_START} to ${MAX_MEMORY_BYTES}, got ${memoryBytes}`,
  );
}

/** Bytes of linear memory that a core gets when it is to have `memoryBytes`. */
export function wholePages(memoryBytes: number): number {
  return Math.ceil(memoryBytes / WASM_PAGE) * WASM_PAGE;
}

/**
 * Instantiates the core with memory of a fixed size: nothing in it can grow.
 *
 * @param memoryBytes linear memory, state block and windows together; rounded
 *   up to 64 KiB
 * @throws VfioError OPTION_INVALID, CORE_MISMATCH when the module is of another boundary version
 */
export function instantiateCore(
  module: WebAssembly.Module,
  imports: CoreImports,
  memoryBytes: number,
): Core {
  checkMemoryBytes(memoryBytes);
  const pages = wholePages(memoryBytes) / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  // The loader fills in what is missing of these with the host's clock and
  // console; time and randomness must come from nowhere but the boundary.
  const env = {
    memory,
    abort: refuse('abort'),
    seed: refuse('seed'),
    trace: refuse('trace'),
  };
  // Not the exports that the loader wraps, which takes a step more in every call.
  const { instance } = instantiateSync(module, { env, host: imports });
  const exports = instance.exports as unknown as CoreExports;
  const version = exports.abiVersion();
  if (version !== ABI_VERSION) {
    throw new VfioError(
      'CORE_MISMATCH',
      `the core speaks boundary version ${version}, this host ${ABI_VERSION}; use core and host of one release`,
    );
  }
  return { exports, memory: new CoreMemory(memory) };
}
