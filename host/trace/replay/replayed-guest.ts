import type { Machine } from '../../machines/contract';
import type { ReplayHost } from './machine-replay';

/** A machine with the recorded devices in it, and a guest. */
export interface ReplayedGuest {
  readonly machine: Machine;
  /**
   * Runs the guest until `stop` is true, which is asked between any two of its
   * instructions, or until `limitNs` of guest time went by, also through a sleep
   * that nothing ends.
   */
  run(stop: () => boolean, limitNs: number): void;
  /**
   * Takes the device of that name out of the machine and closes it, as
   * `PluggedDevice.unplug()` does. Only needed for recordings in which that
   * happens in mid-run, between two instructions or from a timer.
   */
  unplug?(device: string): void;
  /** Takes the devices out and lets go of the machine. */
  dispose(): void;
}

/**
 * Makes the machine as it was when it was recorded, plugs the devices in from
 * `host` as they were, and leaves the guest before its first instruction. Called
 * again to go back, where the machine cannot keep its state, or where a device
 * would have to come back into it.
 *
 * Calls of the devices that neither the guest nor its machine makes (reset(),
 * maskLine() and the like) are made again from the recording.
 */
export type BootGuest = (host: ReplayHost) => Promise<ReplayedGuest>;
