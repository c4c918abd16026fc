import type { HostFiles } from '../environment';
import type { HostDevice } from './host-device';
import { processes } from './processes';

/** A way in which the host uses a device, so that taking it away would hurt. */
export interface Use {
  readonly kind:
    | 'console'
    | 'terminal'
    | 'filesystem'
    | 'swap'
    | 'network'
    | 'watchdog'
    | 'supplier'
    | 'children';
  /** For people: 'system console ttyAMA0'. */
  readonly text: string;
}

/** Names in a class directory whose device is `device` or below it. */
function below(files: HostFiles, className: string, device: HostDevice): string[] {
  return files.list(`/sys/class/${className}`).filter((name) => {
    const path = files.realPath(`/sys/class/${className}/${name}`);
    return path?.startsWith(`${device.path}/`);
  });
}

function consoles(files: HostFiles): string[] {
  return (files.readText('/sys/class/tty/console/active') ?? '').split(/\s+/);
}

function terminals(files: HostFiles, self: number, device: HostDevice): Use[] {
  const ttys = below(files, 'tty', device);
  if (ttys.length === 0) return [];
  const active = consoles(files);
  const uses: Use[] = ttys
    .filter((tty) => active.includes(tty))
    .map((tty) => ({ kind: 'console', text: `system console ${tty}` }));
  for (const { pid, command, files: open } of processes(files, self)) {
    const tty = ttys.find((name) => open.some(({ target }) => target === `/dev/${name}`));
    if (tty === undefined) continue;
    uses.push({ kind: 'terminal', text: `${tty}, open in process ${pid} (${command})` });
  }
  return uses;
}

function disks(files: HostFiles, device: HostDevice): Use[] {
  const mounts = (files.readText('/proc/self/mountinfo') ?? '')
    .split('\n')
    .map((line) => line.split(' '));
  const swaps = files.readText('/proc/swaps') ?? '';
  return below(files, 'block', device).flatMap((disk): Use[] => {
    const number = files.readText(`/sys/class/block/${disk}/dev`)?.trim();
    const mount = mounts.find(
      (fields) => fields[2] === number || fields.includes(`/dev/${disk}`),
    )?.[4];
    if (mount !== undefined) return [{ kind: 'filesystem', text: `${disk}, mounted on ${mount}` }];
    if (swaps.includes(`/dev/${disk} `) || swaps.includes(`/dev/${disk}\t`)) {
      return [{ kind: 'swap', text: `swap on ${disk}` }];
    }
    const [holder] = files.list(`/sys/class/block/${disk}/holders`);
    if (holder !== undefined) return [{ kind: 'filesystem', text: `${disk}, part of ${holder}` }];
    return [];
  });
}

const IFF_UP = 1;

function networks(files: HostFiles, device: HostDevice): Use[] {
  return below(files, 'net', device)
    .filter((name) => (Number(files.readText(`/sys/class/net/${name}/flags`)) & IFF_UP) !== 0)
    .map((name) => ({ kind: 'network', text: `network interface ${name}, which is up` }));
}

function watchdogs(files: HostFiles, device: HostDevice): Use[] {
  return below(files, 'watchdog', device)
    .filter((name) => files.readText(`/sys/class/watchdog/${name}/state`)?.trim() === 'active')
    .map((name) => ({ kind: 'watchdog', text: `${name}, which is running` }));
}

/** Devices that get a clock, a GPIO or the like from this one, and have a driver. */
function consumers(files: HostFiles, device: HostDevice): Use[] {
  return files
    .list(device.path)
    .filter((entry) => entry.startsWith('consumer:'))
    .filter((entry) => files.readText(`${device.path}/${entry}/status`)?.trim() === 'active')
    .map((entry) => ({
      kind: 'supplier',
      text: `${entry.slice(entry.indexOf(':', 'consumer:'.length) + 1)} depends on it`,
    }));
}

/** Devices below it that have a driver of their own: those of a bus that it is the controller of. */
function children(files: HostFiles, device: HostDevice): Use[] {
  return files.list(device.path).flatMap((entry): Use[] => {
    const driver = files.readLink(`${device.path}/${entry}/driver`);
    const bus = files.readLink(`${device.path}/${entry}/subsystem`);
    // The parts into which Linux divides every UART are no users of it.
    if (driver === undefined || bus?.endsWith('/serial-base')) return [];
    const name = driver.slice(driver.lastIndexOf('/') + 1);
    return [{ kind: 'children', text: `${entry}, which driver ${name} uses` }];
  });
}

/** Who on the host uses the device through its ordinary driver. */
export function usesOf(files: HostFiles, self: number, device: HostDevice): readonly Use[] {
  if (device.driver === undefined) return [];
  return [
    ...terminals(files, self, device),
    ...disks(files, device),
    ...networks(files, device),
    ...watchdogs(files, device),
    ...consumers(files, device),
    ...children(files, device),
  ];
}
