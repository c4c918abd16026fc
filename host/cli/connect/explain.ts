import { EACCES, EBUSY, EPERM } from '../../../assembly/abi/linux';
import { VfioError } from '../../errors';
import { findHolders, nameHolders } from '../devices/holders';
import { type HostDevice, isVfioBound, listDevices, vfioDriver } from '../devices/host-device';
import type { HostSystem } from '../environment';
import { CommandError, ExplainedError } from '../failure';

/**
 * What keeps a device from being opened that can be seen beforehand.
 *
 * @throws CommandError NO_VFIO, WRONG_DRIVER
 */
export function checkReady(system: HostSystem, device: HostDevice): void {
  if (isVfioBound(device)) return;
  const wanted = vfioDriver(device.bus);
  if (!system.files.exists(`/sys/bus/${device.bus}/drivers/${wanted}`)) {
    throw new CommandError(
      'NO_VFIO',
      `the driver ${wanted} is not loaded, so ${device.name} cannot be used`,
      {
        device: device.name,
        remedy: `As root: modprobe ${wanted}; 'vfio-wasm doctor' tells whether this kernel has it.`,
      },
    );
  }
  const has =
    device.driver === undefined ? 'has no driver' : `belongs to the driver ${device.driver}`;
  throw new CommandError('WRONG_DRIVER', `${device.name} ${has}; it must be bound to ${wanted}`, {
    device: device.name,
    remedy: `As root: vfio-wasm bind ${device.name}`,
  });
}

/** Devices of the group that another driver has, which makes it not viable. */
function strangers(system: HostSystem, device: HostDevice): readonly HostDevice[] {
  return listDevices(system.files).filter(
    (other) => other.group === device.group && other.driver !== undefined && !isVfioBound(other),
  );
}

function remedyFor(system: HostSystem, device: HostDevice, error: VfioError): string | undefined {
  const { code, errno } = error;
  if (code === 'GROUP_NOT_VIABLE') {
    const others = strangers(system, device);
    if (others.length === 0) return undefined;
    const list = others.map((other) => `${other.name} (${other.driver})`).join(', ');
    return `Of its group, ${list} must be bound to VFIO as well: vfio-wasm bind ${others[0]?.name}`;
  }
  if (code === 'NOIOMMU_NOT_ALLOWED') return 'Give --noiommu if you accept that.';
  if (errno === EBUSY) {
    const { holders, incomplete } = findHolders(system.files, system.pid, device);
    if (holders.length > 0) return `It is open in ${nameHolders(holders)}.`;
    return incomplete
      ? 'Root can see which process has it open: vfio-wasm list, with sudo.'
      : undefined;
  }
  if (errno === EACCES || errno === EPERM) {
    const node = device.groupNode ?? '/dev/vfio/vfio';
    if (device.noiommu) {
      return 'A group without IOMMU needs CAP_SYS_RAWIO: run it with sudo.';
    }
    return `Run it with sudo, or give this user the node: chown $USER ${node}`;
  }
  return undefined;
}

/** The error with the remedy that only a look at the host gives. */
export function explain(system: HostSystem, device: HostDevice, error: unknown): unknown {
  if (!(error instanceof VfioError)) return error;
  return new ExplainedError(error, remedyFor(system, device, error));
}
