import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceDescription } from '../format/header';

/** What an open device says of itself, without anything of the host or of the moment. */
export function describeDevice(device: VfioPlatformDevice): DeviceDescription {
  return {
    bus: device.bus,
    resettable: device.resettable,
    regions: device.regions.map(({ index, size, readable, writable, mapped }) => ({
      index,
      size: String(size),
      readable,
      writable,
      mapped: mapped.map((area) => ({ offset: area.offset, size: area.size })),
    })),
    lines: device.lines.map(({ index, trigger, maskable, usable }) => ({
      index,
      trigger,
      maskable,
      usable,
    })),
  };
}
