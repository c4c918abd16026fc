import type { HostDevice } from '../devices/host-device';

/** Which driver a device has, and which one it is reserved for. */
export interface DriverState {
  readonly driver: string | undefined;
  readonly override: string | undefined;
}

export function stateOf(device: HostDevice): DriverState {
  return { driver: device.driver, override: device.driverOverride };
}

/** 'driver rtc-pl031', 'no driver'. */
export function describeDriver(driver: string | undefined): string {
  return driver === undefined ? 'no driver' : `driver ${driver}`;
}
