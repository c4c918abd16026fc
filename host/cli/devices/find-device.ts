import type { Sysfs } from '../../boundary/kernel';
import { didYouMean } from '../arguments/parse';
import { CommandError } from '../failure';
import { buses, type HostDevice, listDevices, readDevice } from './host-device';

/** In every folder of sysfs, and no device. */
const DIRECTORIES: ReadonlySet<string> = new Set(['.', '..']);

/**
 * The device that the user names: its name on a bus, its path in sysfs, or a
 * part of the name that no other device has ('pl031').
 *
 * @throws CommandError NO_SUCH_DEVICE, USAGE when several are meant
 */
export function findDevice(sysfs: Sysfs, given: string): HostDevice {
  const name = given.includes('/') ? nameOf(sysfs, given) : DIRECTORIES.has(given) ? '' : given;
  for (const bus of name === '' ? [] : buses) {
    const device = readDevice(sysfs, bus, name);
    if (device !== undefined) return device;
  }
  const all = listDevices(sysfs).filter(({ described }) => described);
  const similar = name === '' ? [] : all.filter((device) => device.name.includes(name));
  if (similar.length === 1) return similar[0] as HostDevice;
  if (similar.length > 1) {
    throw new CommandError('USAGE', `'${given}' may be ${names(similar)}; name one of them`);
  }
  throw new CommandError(
    'NO_SUCH_DEVICE',
    `there is no device '${given}' on the platform or AMBA bus`,
    {
      remedy:
        didYouMean(
          name,
          all.map((device) => device.name),
        ) ?? "'vfio-wasm list' shows the devices that there are.",
    },
  );
}

const MOST_NAMED = 4;

function names(devices: readonly HostDevice[]): string {
  const shown = devices.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = devices.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The name at the end of a path below /sys. */
function nameOf(sysfs: Sysfs, path: string): string {
  const real = sysfs.realPath(path.replace(/(?<=.)\/+$/, ''));
  if (real === undefined || !real.startsWith('/sys/devices/')) {
    throw new CommandError('NO_SUCH_DEVICE', `'${path}' is no device in /sys`, {
      remedy: "'vfio-wasm list' shows the devices that there are.",
    });
  }
  return real.slice(real.lastIndexOf('/') + 1);
}
