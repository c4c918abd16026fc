// The board: QEMU's virt machine with an SMMUv3 and an edu device in slot 7.

/**
 * What the device tree of the machine depends on. One CPU: QEMU runs several in
 * threads of their own, and an interrupt for another CPU than the one that
 * waits for it may then take half a second. Signed pointers and vectors of any
 * length cost an emulated CPU much and the tests nothing.
 */
export const machine = [
  '-M',
  'virt,iommu=smmuv3',
  '-cpu',
  'max,pauth=off,sve=off,sme=off',
  '-smp',
  '1',
  '-m',
  '1G',
];

/** Names of the sockets in the run folder. */
export const sockets = ['qmp', 'qtest', 'uart', 'results', 'board'];

/**
 * @param {object} run
 * @param {string} run.folder where the sockets are made
 * @param {string} run.image the kernel
 * @param {string} run.initramfs
 * @param {string} run.tree the device tree
 * @param {string} run.append for the kernel's command line
 * @returns {string[]} arguments of qemu-system-aarch64
 */
export function qemuArguments({ folder, image, initramfs, tree, append }) {
  /** @param {string} name */
  const socket = (name) => `socket,id=${name},path=${folder}/${name},server=on,wait=off`;
  return [
    ...machine,
    ...['-accel', 'tcg', '-display', 'none', '-nodefaults', '-no-reboot', '-no-user-config'],
    ...['-kernel', image, '-initrd', initramfs, '-dtb', tree],
    ...['-append', `console=hvc0 quiet panic=-1 ${append}`],
    ...['-device', 'edu,addr=7'],
    // In the virtio slot at 0xa000000, as a current device (virtio 1.0 and later).
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-device', 'virtio-balloon-device,bus=virtio-mmio-bus.0'],
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', 'stdio,id=console,signal=off', '-device', 'virtconsole,chardev=console'],
    ...[
      '-chardev',
      socket('results'),
      '-device',
      'virtserialport,chardev=results,name=lab.results',
    ],
    ...['-chardev', socket('board'), '-device', 'virtserialport,chardev=board,name=lab.board'],
    ...['-chardev', socket('uart'), '-serial', 'chardev:uart'],
    ...['-chardev', socket('qmp'), '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', socket('qtest'), '-qtest', 'chardev:qtest'],
  ];
}
