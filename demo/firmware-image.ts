import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const IMAGE = 'firmware/stories.bin';

/**
 * The guest's firmware. It is looked for in the folders above this file,
 * because the demo runs both from its sources and bundled somewhere in the
 * checkout.
 *
 * @throws Error when it is not there
 */
export function loadFirmware(): Uint8Array {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, IMAGE);
    if (existsSync(path)) return readFileSync(path);
    if (dirname(folder) === folder) break;
  }
  throw new Error(
    `${IMAGE} is in none of the folders above ${start}; run the demo in its checkout`,
  );
}
