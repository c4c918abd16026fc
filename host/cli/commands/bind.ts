import type { Command } from '../arguments/command';
import { flag } from '../arguments/values';
import { bindDevice } from '../binding/bind';
import { describeDriver } from '../binding/driver-state';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { hang } from '../output/text';

export const bind: Command = {
  name: 'bind',
  summary: 'give a device to its VFIO driver (root)',
  usage: 'DEVICE',
  positionals: [1, 1],
  options: {
    force: {
      type: 'boolean',
      help: 'also when the host uses the device (console, disk, network …)',
    },
    noiommu: { type: 'boolean', help: 'accept a device that no IOMMU watches (taints the kernel)' },
  },
  description: `
Takes the device from its driver and gives it to vfio-platform or vfio-amba, by
driver_override. What it had is remembered in /run/vfio-wasm; 'unbind' restores
it. When something fails, and on Ctrl-C, the device gets its driver back.

Refuses the console, mounted disks, swap, network interfaces that are up and
devices that others depend on, unless --force is given.

Needs root. DEVICE is a name as 'list' shows it, a part of one that is unique,
or a path in /sys.

  sudo vfio-wasm bind 9010000.pl031
`,
  async run({ positionals, values, terminal, system }) {
    const device = findDevice(system.files, positionals[0] as string);
    const outcome = await bindDevice(system, terminal, device, {
      force: flag(values, 'force'),
      noiommu: flag(values, 'noiommu'),
    });
    const { changed, previous, device: after } = outcome;
    return {
      exitCode: EXIT_OK,
      data: { device: after, changed, previous },
      text: (_, columns) =>
        hang(
          '',
          changed
            ? `${after.name} is bound to ${after.driver}, group ${after.group}; it had ${describeDriver(previous?.driver)}.`
            : `${after.name} is bound to ${after.driver} already.`,
          columns,
        ),
    };
  },
};
