// What no plugin with a core in Wasm can do without, unless it calls that less often
// than things happen: one call into Wasm for the signal and one for the access that
// completes it. The module behind them is empty.
import { readFileSync } from 'node:fs';

/** ns for the two calls of one interrupt; module.ts must have been compiled to `path`. */
export function crossings(path, count) {
  const module = new WebAssembly.Module(readFileSync(path));
  const { signal, complete } = new WebAssembly.Instance(module).exports;
  const run = () => {
    let sum = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) sum = (sum + signal(i & 1) + complete(i & 3, 0)) | 0;
    const ns = Number(process.hrtime.bigint() - start) / count;
    if ((sum !== (count / 4) * 12) | 0) throw new Error(`bench: the calls gave ${sum}`);
    return ns;
  };
  for (let i = 0; i < 5; i++) run();
  return run();
}
