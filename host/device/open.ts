import type { VfioHost } from '../boundary/host';
import type { GuestRamBlock, Machine } from '../machines/contract';
import type { DeviceOptions } from '../options/options';
import type { Clock } from '../time/clock';
import type { VfioPlatformDevice } from './device';
import type { DeviceListener } from './events';

/** What a device needs of the machine that it will be plugged into. */
export interface DeviceEnvironment {
  /** Machine time. */
  readonly clock: Clock;
  /** Present when the machine really maps devices into its guest: switches that. */
  readonly setDirectMapping?: (on: boolean) => void;
  /** Descriptor of the machine's KVM virtual machine, where it has one. */
  readonly vmFd?: number;
  /** RAM that the device may reach; mapped when the option `dma` is set. */
  readonly guestRam?: readonly GuestRamBlock[];
  /** Called for every event, from the very first. */
  readonly listener?: DeviceListener;
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
  /** Which machine it is, for recordings. */
  readonly machine?: Pick<Machine, 'name' | 'capabilities'>;
}

/**
 * Finds and opens a VFIO platform device. Its lines are armed later, one by
 * one, with connectLine().
 *
 * What only an open device needs is loaded with the first one: most of what this
 * package costs to import.
 *
 * @throws VfioError; nothing stays open then, and trying again is fine
 */
export async function openDevice(
  host: VfioHost,
  options: DeviceOptions,
  surroundings: DeviceEnvironment,
): Promise<VfioPlatformDevice> {
  const { openHere } = await import('./opening');
  return openHere(host, options, surroundings);
}
