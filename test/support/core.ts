import { readFileSync } from 'node:fs';
import { coverHits } from './coverage';

/** Which build of the core the tests run: release, debug or coverage. */
export const coreVariant = process.env.VFIO_CORE ?? 'release';

/** The build of the core under test; give it to openDevice() as `core`. */
export const coreModule = new WebAssembly.Module(
  readFileSync(new URL(`../../.cache/core/${coreVariant}.wasm`, import.meta.url)),
);

if (coreVariant === 'coverage') coverHits();
