import type { CoreImports } from '../core/boundary-types';
import type { CoreMemory } from '../core/core-memory';
import type { VfioPlatformDevice } from '../device/device';
import type { DeviceEnvironment } from '../device/open';
import type { DeviceLocation } from './host';
import type { HostPort } from './port';

/**
 * Watches what crosses the boundary of one device, or stands in for the other
 * side of it: this is how recording and replay get between a device and its
 * host. openDevice() asks in the order of the methods.
 */
export interface DeviceTap {
  /**
   * Bytes of linear memory that the core gets in place of the option memoryBytes,
   * where the windows are never looked into: every access goes through an import.
   * The core itself does not know.
   */
  readonly coreBytes?: number;
  /**
   * What counts as memoryBytes where the core asks whether a window fits, which the
   * guest cannot tell; the option unless given.
   */
  readonly windowBytes?: number | undefined;
  /** Where the device is; `find` looks in the host's sysfs. */
  locate(find: () => DeviceLocation): DeviceLocation;
  /** The surroundings as the device shall see them. */
  environment(environment: DeviceEnvironment): DeviceEnvironment;
  /** What the core shall import; may also replace methods of the port. */
  imports(port: HostPort, imports: CoreImports): CoreImports;
  /** The core is there; attaching begins. */
  opening(memory: CoreMemory): void;
  /** The device is open; its methods may be replaced. */
  opened(device: VfioPlatformDevice): void;
  /** Opening failed; everything was given back. */
  failed(error: unknown): void;
}
