import { ABI_VERSION } from '../../../assembly/boundary/version';
import type { DeviceLocation } from '../../boundary/host';
import type { VfioPlatformDevice } from '../../device/device';
import type { DeviceEnvironment } from '../../device/open';
import type { ResolvedOptions } from '../../options/options';
import type { DeviceDescription, DmaMode, TraceHeader } from '../format/header';
import { nameRecording, type RecordOptions } from './options';

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

/** What the header of a recording says. */
export function headerOf(
  { uuid, quirks = [] }: RecordOptions,
  { name, compatible, group, noiommu, groupPath }: DeviceLocation,
  resolved: ResolvedOptions,
  { setDirectMapping, vmFd, machine, guestRam = [] }: DeviceEnvironment,
  dma: DmaMode,
): TraceHeader {
  const { host: _, sysfsdev: __, fd: ___, ...options } = resolved;
  const { capabilities } = machine ?? {};
  return {
    uuid: nameRecording(uuid, name),
    writer: { name: 'vfio-platform-wasm', abi: ABI_VERSION },
    device: {
      name,
      compatible,
      group: group ?? null,
      noiommu,
      backend: groupPath === undefined ? 'cdev' : 'group',
    },
    options: options as Readonly<Record<string, unknown>>,
    machine:
      machine && capabilities
        ? {
            name: machine.name,
            deterministic: capabilities.deterministic,
            directMapping: capabilities.directMapping,
            reportsEoi: capabilities.reportsEoi,
          }
        : null,
    directMapping: setDirectMapping !== undefined,
    irqchip: vmFd !== undefined,
    dma,
    guestRam: (resolved.dma ? guestRam : []).map(({ guestAddress, bytes, writable }) => ({
      guestAddress,
      size: bytes.length,
      writable,
    })),
    quirks,
  };
}
