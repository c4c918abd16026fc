import type { VfioHost } from '../../boundary/host';
import { checkReady, explain } from '../connect/explain';
import { findDevice } from '../devices/find-device';
import type { HostDevice } from '../devices/host-device';
import type { HostSystem } from '../environment';
import type { DeviceSource } from './run-guest';

/** Devices of the host, as the user names them. */
export function hostDevices(system: HostSystem, host: VfioHost): DeviceSource {
  const found = new Map<string, HostDevice>();
  return {
    host,
    paced: system.kind === 'native',
    locate(name) {
      const device = findDevice(system.files, name);
      found.set(name, device);
      checkReady(system, device);
      return { sysfsdev: device.busPath };
    },
    explain(name, error) {
      const device = found.get(name);
      return device === undefined ? error : explain(system, device, error);
    },
  };
}
