import type { Command } from '../arguments/command';
import { hostDevices } from '../guests/host-devices';
import { guestKinds } from '../guests/kinds';
import {
  allocator,
  guestExit,
  guestOptions,
  guestPlan,
  guestText,
  runGuest,
  serialOutput,
} from '../guests/run-guest';
import { MAX_IMAGE_BYTES } from '../limits';

/** For the help of the commands that run a guest. */
export const DEVICE_NOTE = `--device takes the name, 'regionN=ADDRESS' for each region and 'lineN=INPUT' for
each line that the guest shall see, and options of the device under their
names (README), as in QEMU: noiommu, policy=qemu, x-no-mmap, eoi=write …`;

export const run: Command = {
  name: 'run',
  summary: 'run a guest image in an emulator, with devices passed through',
  usage: 'IMAGE',
  positionals: [1, 1],
  options: guestOptions,
  description: `
Boots IMAGE in an emulator and passes devices through to it. What serial ports
of the machine send goes to the standard output; a passed-through UART of a real
host sends to its own wire.

${DEVICE_NOTE}

IMAGE is, for
${guestKinds.map(({ name, image }) => `  ${name}: ${image}`).join('\n')}

On the simulated host, time is the guest's and runs as fast as it can; on a real
one it keeps step. Needs access to each device's node in /dev/vfio.

  vfio-wasm run firmware.bin -d 9000000.pl011,region0=0x60008000,line0=22
`,
  async run({ positionals, values, json, terminal, system }) {
    const image = terminal.files.read(positionals[0] as string, MAX_IMAGE_BYTES);
    const plan = guestPlan(values);
    const guest = await plan.kind.create(image, { allocRam: allocator(system, plan) });
    try {
      const connection = await system.connect(guest.machine.clock);
      try {
        const serial = serialOutput(terminal, json, plan);
        connection.onSerial((_, byte) => serial.receive(byte));
        const source = hostDevices(system, connection.host);
        const outcome = await runGuest(guest, source, plan, terminal, serial);
        return {
          exitCode: guestExit(outcome),
          data: { ...outcome },
          text: (paint, columns) => guestText(outcome, paint, columns),
        };
      } finally {
        connection.close();
      }
    } finally {
      guest.detach();
    }
  },
};
