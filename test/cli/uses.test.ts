import { describe, expect, it } from 'vitest';
import { findHolders } from '../../host/cli/devices/holders';
import { readDevice } from '../../host/cli/devices/host-device';
import { usesOf } from '../../host/cli/devices/uses';
import { SimulatedFiles } from '../../host/cli/simulated/simulated-files';
import { FileTree } from '../../host/sim/kernel/file-tree';

const SELF = 10;
const PATH = '/sys/devices/platform/a000000.mmc';

/** A device with an ordinary driver, and nobody who uses it. */
function board(driver = 'mmc-host') {
  const tree = new FileTree();
  tree.addDirectory(PATH);
  tree.addLink('/sys/bus/platform/devices/a000000.mmc', PATH);
  tree.addLink(`${PATH}/driver`, `/sys/bus/platform/drivers/${driver}`);
  tree.addLink(`${PATH}/iommu_group`, '/sys/kernel/iommu_groups/7');
  tree.addDirectory('/dev/vfio/7');
  const files = new SimulatedFiles(tree, true);
  const device = () => {
    const found = readDevice(tree, 'platform', 'a000000.mmc');
    if (found === undefined) throw new Error('the device is not there');
    return found;
  };
  return {
    tree,
    uses: () => usesOf(files, SELF, device()).map(({ kind, text }) => `${kind}: ${text}`),
    holders: (root = true) => findHolders(new SimulatedFiles(tree, root), SELF, device()),
  };
}

function addClass(tree: FileTree, name: string, entry: string): void {
  tree.addDirectory(`${PATH}/${name}/${entry}`);
  tree.addLink(`/sys/class/${name}/${entry}`, `${PATH}/${name}/${entry}`);
}

describe('what the host uses a device for', () => {
  it('is nothing at first', () => {
    expect(board().uses()).toEqual([]);
  });

  it('is a mounted file system on a disk of it', () => {
    const { tree, uses } = board();
    addClass(tree, 'block', 'mmcblk0p1');
    tree.addFile(`${PATH}/block/mmcblk0p1/dev`, '179:1\n');
    tree.addFile('/proc/self/mountinfo', '22 1 179:1 / / rw - ext4 /dev/root rw\n');
    expect(uses()).toEqual(['filesystem: mmcblk0p1, mounted on /']);
  });

  it('is swap on it, or a volume made of it', () => {
    const { tree, uses } = board();
    addClass(tree, 'block', 'mmcblk0p2');
    tree.addFile('/proc/swaps', 'Filename Type\n/dev/mmcblk0p2  partition 1 0 -2\n');
    addClass(tree, 'block', 'mmcblk0p3');
    tree.addDirectory(`${PATH}/block/mmcblk0p3/holders/dm-0`);
    expect(uses()).toEqual(['swap: swap on mmcblk0p2', 'filesystem: mmcblk0p3, part of dm-0']);
  });

  it('is a network interface that is up', () => {
    const { tree, uses } = board();
    addClass(tree, 'net', 'eth0');
    tree.addFile(`${PATH}/net/eth0/flags`, '0x1002\n');
    expect(uses()).toEqual([]);
    tree.addFile(`${PATH}/net/eth0/flags`, '0x1003\n');
    expect(uses()).toEqual(['network: network interface eth0, which is up']);
  });

  it('is a watchdog that runs', () => {
    const { tree, uses } = board();
    addClass(tree, 'watchdog', 'watchdog0');
    tree.addFile(`${PATH}/watchdog/watchdog0/state`, 'active\n');
    expect(uses()).toEqual(['watchdog: watchdog0, which is running']);
  });

  it('is a terminal that a process has open', () => {
    const { tree, uses } = board();
    addClass(tree, 'tty', 'ttyS3');
    tree.addFile('/proc/77/comm', 'getty\n');
    tree.addLink('/proc/77/fd/0', '/dev/ttyS3');
    expect(uses()).toEqual(['terminal: ttyS3, open in process 77 (getty)']);
  });

  it('is another device that depends on it, while that has a driver', () => {
    const { tree, uses } = board();
    tree.addFile(`${PATH}/consumer:platform:b000000.eth/status`, 'available\n');
    expect(uses()).toEqual([]);
    tree.addFile(`${PATH}/consumer:platform:b000000.eth/status`, 'active\n');
    expect(uses()).toEqual(['supplier: b000000.eth depends on it']);
  });

  it('is a device below it with a driver, but not the parts of a UART', () => {
    const { tree, uses } = board();
    tree.addLink(`${PATH}/virtio0/driver`, '/sys/bus/virtio/drivers/virtio_console');
    tree.addLink(`${PATH}/a000000.mmc:0/driver`, '/sys/bus/serial-base/drivers/ctrl');
    tree.addLink(`${PATH}/a000000.mmc:0/subsystem`, '/sys/bus/serial-base');
    expect(uses()).toEqual(['children: virtio0, which driver virtio_console uses']);
  });
});

describe('who has a VFIO device open', () => {
  const opened = (tree: FileTree, ...targets: string[]) => {
    tree.addFile('/proc/55/comm', 'node\n');
    for (const [fd, target] of targets.entries()) tree.addLink(`/proc/55/fd/${fd}`, target);
  };
  const hold = ({ holders }: { holders: readonly { hold: string }[] }) =>
    holders.map((holder) => holder.hold);

  it('is a process with its group and a device of it', () => {
    const { tree, holders } = board('vfio-platform');
    opened(tree, '/dev/null', '/dev/vfio/7', 'anon_inode:[vfio-device]');
    expect(holders()).toEqual({
      holders: [{ pid: 55, command: 'node', hold: 'device' }],
      incomplete: false,
    });
  });

  it('is a process with its own node', () => {
    const { tree, holders } = board('vfio-platform');
    tree.addFile(`${PATH}/vfio-dev/vfio3/dev`, '511:3\n');
    opened(tree, '/dev/vfio/devices/vfio3');
    expect(hold(holders())).toEqual(['device']);
  });

  it('is told exactly by newer kernels', () => {
    const { tree, holders } = board('vfio-platform');
    opened(tree, 'anon_inode:[vfio-device]');
    tree.addFile('/proc/55/fdinfo/0', `pos:\t0\nvfio-device-syspath:\t${PATH}\n`);
    expect(hold(holders())).toEqual(['device']);
    tree.addFile('/proc/55/fdinfo/0', 'vfio-device-syspath: /sys/devices/platform/other\n');
    expect(hold(holders())).toEqual([]);
  });

  it('is only possible where an older kernel does not tell which device it is', () => {
    const { tree, holders } = board('vfio-platform');
    opened(tree, 'anon_inode:[vfio-device]');
    expect(hold(holders())).toEqual(['possible']);
  });

  it('is a process that has closed it but has it mapped', () => {
    const { tree, holders } = board('vfio-platform');
    opened(tree, '/dev/vfio/7');
    expect(hold(holders())).toEqual(['group']);
    tree.addFile('/proc/55/maps', '7f00-7f10 rw-s 00000000 00:0e 5 anon_inode:[vfio-device]\n');
    expect(hold(holders())).toEqual(['device']);
  });

  it('is never this process, and nobody where another driver has the device', () => {
    const { tree, holders } = board('vfio-platform');
    tree.addLink(`/proc/${SELF}/fd/3`, '/dev/vfio/7');
    expect(hold(holders())).toEqual([]);
    const other = board();
    opened(other.tree, '/dev/vfio/7', 'anon_inode:[vfio-device]');
    expect(hold(other.holders())).toEqual([]);
  });

  it('is incomplete for a user who is not shown everything', () => {
    const { tree, holders } = board('vfio-platform');
    opened(tree, '/dev/vfio/7', 'anon_inode:[vfio-device]');
    expect(holders(false)).toEqual({ holders: [], incomplete: true });
  });
});
