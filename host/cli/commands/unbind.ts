import type { Command } from '../arguments/command';
import { flag, seconds } from '../arguments/values';
import { unbindDevice } from '../binding/unbind';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { DEFAULT_UNBIND_TIMEOUT_S } from '../limits';
import { hang } from '../output/text';

export const unbind: Command = {
  name: 'unbind',
  summary: 'take a device from VFIO and restore its driver (root)',
  usage: 'DEVICE',
  positionals: [1, 1],
  options: {
    timeout: {
      type: 'string',
      value: 'SECONDS',
      help: `how long to wait until it is closed (${DEFAULT_UNBIND_TIMEOUT_S})`,
    },
    force: {
      type: 'boolean',
      help: 'let the kernel wait for the close, which then cannot be stopped',
    },
  },
  description: `
Takes the device from vfio-platform or vfio-amba and gives it back the driver
that it had before 'bind'. Where nothing is remembered, the kernel chooses.

An open device cannot be unbound: Linux would wait for its last close. So this
waits first, names the process that has it open, and gives up in time; nothing
has changed then. Ctrl-C restores what was.

Needs root.

  sudo vfio-wasm unbind 9010000.pl031 --timeout 30
`,
  async run({ positionals, values, terminal, system }) {
    const device = findDevice(system.files, positionals[0] as string);
    const { device: after, restored } = await unbindDevice(system, terminal, device, {
      force: flag(values, 'force'),
      timeoutMs: seconds(values, 'timeout') ?? DEFAULT_UNBIND_TIMEOUT_S * 1000,
    });
    const has = after.driver === undefined ? 'has no driver' : `is bound to ${after.driver}`;
    const why = restored === undefined ? 'nothing was remembered' : 'as before';
    return {
      exitCode: EXIT_OK,
      data: { device: after, restored },
      text: (_, columns) => hang('', `${after.name} ${has} (${why}).`, columns),
    };
  },
};
