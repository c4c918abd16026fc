// Puts the package, as npm would install it, and the tests into the guest.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { prebuild } from '../../scripts/native.mjs';
import { root } from '../../scripts/setup.mjs';
import { digestOf, sh, step } from './step.mjs';

const FIRMWARE = ['firmware/stories.bin', 'firmware/stories-pc.elf'];

/** Of v86, which has debug builds and older formats as well. */
const V86_FILES = ['package.json', 'build/libv86.mjs', 'build/v86.wasm'];

const SOURCES = [
  ...['host', 'assembly', 'test/machines/stories-outside.ts', 'test/sim/fixture.ts'],
  ...FIRMWARE,
  ...['lab/guest', 'lab/scenarios', 'lab/tests', 'lab/protocol.ts', 'lab/build/rollup.mjs'],
];

/** The package's addon for arm64, and the one that makes system calls for the scenarios. */
function addonStep() {
  const inputs = [digestOf(['native/src', 'scripts/native.mjs', 'lab/raw', 'package-lock.json'])];
  return step('addons', inputs, async (folder) => {
    await prebuild('linux-arm64');
    cpSync('native/prebuilds/linux-arm64', join(folder, 'linux-arm64'), { recursive: true });
    const include = ['node-api-headers/include', 'node-addon-api'];
    sh('aarch64-linux-gnu-g++', [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS'],
      ...include.map((path) => `-isystem${join(root, 'node_modules', path)}`),
      ...['lab/raw/raw.cc', '-o', join(folder, 'raw.node')],
    ]);
  });
}

/** The compiled tests, and the package with its arm64 addon, as `lab/` of the guest. */
async function packageStep() {
  await build();
  const addons = await addonStep();
  const inputs = [addons.key, digestOf([...SOURCES, 'dist', 'package.json', 'package-lock.json'])];
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
    cpSync(join(addons.folder, 'linux-arm64'), join(installed, 'native/prebuilds/linux-arm64'), {
      recursive: true,
    });
    cpSync(join(addons.folder, 'raw.node'), join(lab, 'raw.node'));
    for (const name of ['rp2040js', 'node-gyp-build']) {
      cpSync(join('node_modules', name), join(lab, 'node_modules', name), { recursive: true });
    }
    for (const file of V86_FILES) {
      cpSync(join('node_modules/v86', file), join(lab, 'node_modules/v86', file));
    }
    for (const file of FIRMWARE) cpSync(file, join(lab, file));
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
