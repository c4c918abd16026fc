// Puts the package, as npm would install it, and the tests into the guest.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/setup.mjs';
import { digestOf, sh, step } from './step.mjs';

const SOURCES = ['host', 'assembly', 'lab', 'firmware/stories.bin', 'test/machines'];

/** The compiled tests, and the package with its arm64 addon, as `lab/` of the guest. */
async function packageStep() {
  await build();
  const inputs = [digestOf([...SOURCES, 'dist', 'package.json', 'package-lock.json'])];
  return step('package', inputs, (folder) => {
    const lab = join(folder, 'lab');
    sh(join(root, 'node_modules/.bin/rollup'), ['--config', 'lab/build/rollup.mjs', '--silent'], {
      LAB_OUTPUT: lab,
    });
    writeFileSync(join(lab, 'package.json'), '{ "type": "module" }\n');
    const installed = join(lab, 'node_modules/vfio-platform-wasm');
    mkdirSync(installed, { recursive: true });
    for (const part of ['package.json', 'dist'])
      cpSync(part, join(installed, part), { recursive: true });
    cpSync('node_modules/rp2040js', join(lab, 'node_modules/rp2040js'), { recursive: true });
    if (process.env.LAB_SHIM)
      for (const f of ['shim.mjs', 'shim.node'])
        cpSync(`${process.env.LAB_SHIM}/${f}`, join(lab, f));
    cpSync('firmware/stories.bin', join(lab, 'firmware/stories.bin'));
  });
}

/**
 * The whole initramfs: `base` with the package on top of it.
 * @param {string} name of the step
 * @param {{ folder: string, key: string }} base has a base.cpio
 * @returns {Promise<string>} path of the archive
 */
export async function concatenate(name, base) {
  const top = await packageStep();
  const { folder } = await step(name, [base.key, top.key], (folder) => {
    // The kernel unpacks archives that follow each other one after the other.
    const command = `cd "$1" && find lab | cpio -o -H newc --quiet -R 0:0 | cat "$2" - > "$3"`;
    sh('bash', [
      '-c',
      command,
      'pack',
      top.folder,
      `${base.folder}/base.cpio`,
      `${folder}/initramfs.cpio`,
    ]);
  });
  return join(folder, 'initramfs.cpio');
}
