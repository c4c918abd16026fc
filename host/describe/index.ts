export { describe, type MachineDescription } from './describe';
export type { DeviceDescription, PropertyValue } from './description';
export type { DeviceTreeOptions } from './device-tree';
export { type DescribableDevice, type DescriptionOptions, descriptionOf } from './from-device';
