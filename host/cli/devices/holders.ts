import type { HostFiles } from '../environment';
import { type HostDevice, isVfioBound, listDevices } from './host-device';
import { processes } from './processes';

/**
 * How sure it is that a process has a device open: 'device' it has; 'group' it
 * has only the group, which does not keep the device from being unbound;
 * 'possible' it has some VFIO device open, and an old kernel does not tell which.
 */
export type Hold = 'device' | 'group' | 'possible';

/** A process that has a VFIO device open, or may have. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly hold: Hold;
}

export interface Holders {
  readonly holders: readonly Holder[];
  /** Some processes did not show what they have open; root would see it. */
  readonly incomplete: boolean;
}

const DEVICE_FILE = /^anon_inode:\[vfio-device\]/;
/** The descriptor of a device names it there since Linux 6.16. */
const DEVICE_PATH = /^vfio-device-syspath:\s*(\S+)/m;

/** Who has the device open. A mapping holds it as a descriptor does. */
export function findHolders(files: HostFiles, self: number, device: HostDevice): Holders {
  if (!isVfioBound(device)) return { holders: [], incomplete: false };
  const alone =
    listDevices(files).filter((other) => other.group === device.group && isVfioBound(other))
      .length === 1;
  const holders: Holder[] = [];
  let incomplete = false;
  for (const { pid, command, files: open, hidden } of processes(files, self)) {
    incomplete ||= hidden;
    const hold = holdOf(files, device, alone, pid, open);
    if (hold !== undefined) holders.push({ pid, command, hold });
  }
  return { holders, incomplete };
}

function holdOf(
  files: HostFiles,
  device: HostDevice,
  alone: boolean,
  pid: number,
  open: readonly { readonly fd: number; readonly target: string }[],
): Hold | undefined {
  let anyDevice = false;
  let group = false;
  for (const { fd, target } of open) {
    if (target === device.cdev) return 'device';
    if (target === device.groupNode) group = true;
    if (!DEVICE_FILE.test(target)) continue;
    const path = DEVICE_PATH.exec(files.readText(`/proc/${pid}/fdinfo/${fd}`) ?? '')?.[1];
    if (path === undefined) anyDevice = true;
    else if (path === device.path) return 'device';
  }
  if (anyDevice) return group && alone ? 'device' : 'possible';
  if (!group) return undefined;
  const mapped = files.readText(`/proc/${pid}/maps`)?.includes('anon_inode:[vfio-device]');
  return mapped ? (alone ? 'device' : 'possible') : 'group';
}

/** 'process 12 (node)', of those who really have the device, or else of all. */
export function nameHolders(holders: readonly Holder[]): string {
  const sure = holders.filter(({ hold }) => hold === 'device');
  return (sure.length > 0 ? sure : holders)
    .map(({ pid, command }) => `process ${pid} (${command})`)
    .join(', ');
}
