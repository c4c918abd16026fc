import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll } from 'vitest';

const FOLDER = new URL('../../.cache/coverage/hits/', import.meta.url);

/**
 * Gives every instance of the instrumented core its counter, and writes the
 * counts when the test file is done. Only this build imports module "cov", so
 * the package itself knows nothing of it.
 */
export function coverHits(): void {
  const hits: Record<number, number> = {};
  const cov = {
    hit(id: number) {
      hits[id] = (hits[id] ?? 0) + 1;
    },
  };
  const Original = WebAssembly.Instance;
  WebAssembly.Instance = new Proxy(Original, {
    construct: (target, [module, imports]) => new target(module, { ...imports, cov }),
  });
  afterAll(() => {
    WebAssembly.Instance = Original;
    mkdirSync(FOLDER, { recursive: true });
    const name = `${process.pid}-${Math.trunc(performance.now() * 1000)}.json`;
    writeFileSync(new URL(name, FOLDER), JSON.stringify(hits));
  });
}
