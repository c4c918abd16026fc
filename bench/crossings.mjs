// What no plugin with a core in Wasm can do without: one call into Wasm for the
// signal, one for the access, and one out of it to the device's callback. The
// module behind them is empty, so this is the floor of an interrupt's time.
import { readFileSync } from 'node:fs';

/** ns for the crossings of one interrupt; module.ts must have been compiled to `path`. */
export function crossings(path, count) {
  const work = { accesses: 0 };
  const host = {
    load: (offset) => {
      work.accesses++;
      return offset + 1;
    },
  };
  const module = new WebAssembly.Module(readFileSync(path));
  const { signal, read } = new WebAssembly.Instance(module, { host }).exports;
  const run = () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      signal(0, 1);
      read(0, 4, 4);
    }
    return Number(process.hrtime.bigint() - start) / count;
  };
  run();
  const ns = run();
  if (work.accesses !== 2 * count) throw new Error(`bench: ${work.accesses} accesses`);
  return ns;
}
