import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MachineName } from './devices';

const IMAGES: Readonly<Record<MachineName, string>> = {
  rp2040js: 'firmware/stories.bin',
  v86: 'firmware/stories-pc.elf',
};

/**
 * The guest's firmware. It is looked for in the folders above this file,
 * because the demo runs both from its sources and bundled somewhere in the
 * checkout.
 *
 * @throws Error when it is not there
 */
export function loadFirmware(machine: MachineName): Uint8Array {
  const image = IMAGES[machine];
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, image);
    if (existsSync(path)) return readFileSync(path);
    if (dirname(folder) === folder) break;
  }
  throw new Error(
    `${image} is in none of the folders above ${start}; run the demo in its checkout`,
  );
}
