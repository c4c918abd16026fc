/**
 * VFIO platform devices for JavaScript machine emulators.
 *
 * @module
 */
export { allocGuestRam } from './boundary/alloc-guest-ram';
export type { GuestRam } from './boundary/guest-ram';
export type { BoundaryTap, DeviceLocation, VfioHost } from './boundary/host';
export type {
  Doorbell,
  DoorbellMemory,
  IoctlArgument,
  Kernel,
  KernelResources,
  Sysfs,
  WindowMapping,
} from './boundary/kernel';
export { loadCore } from './core/load-core';
export type { VfioPlatformDevice } from './device/device';
export type {
  DeviceStatistics,
  LineInfo,
  LineStatistics,
  MappedArea,
  RegionInfo,
} from './device/device-info';
export type { AccessProblem, DeviceEvent, DeviceListener } from './device/events';
export type { LineTarget } from './device/line-targets';
export { type DeviceEnvironment, openDevice } from './device/open';
export { errnoName, errorCodes, VfioError, type VfioErrorCode } from './errors';
export type {
  GuestRamBlock,
  Machine,
  MachineCapabilities,
  MachineLine,
  MmioHandler,
  StatePart,
} from './machines/contract';
export { type PluggedDevice, plug, type Wiring } from './machines/plug';
export type { DeviceOptions, EoiOptions, EoiSource, ResolvedOptions } from './options/options';
export type { DeviceProfile, EoiRule, RegisterName } from './profiles/profile';
export type { Clock, TimerHandle } from './time/clock';
export { VirtualClock } from './time/virtual-clock';
export type { TraceEvent } from './trace/events';
