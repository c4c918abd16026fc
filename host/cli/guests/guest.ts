import type { Machine } from '../../machines/contract';

/** How a stretch of a guest's run ended. */
export type StretchEnd = 'stopped' | 'limit' | 'asleep';

/** An emulator with a guest in it, for `run`. */
export interface Guest {
  readonly machine: Machine;
  /** What the machine's own serial port sends. */
  onSerial(listener: (byte: number) => void): void;
  /**
   * Runs until `stop`, at most `limitNs` of guest time. A guest that sleeps and
   * that nothing can wake ends the stretch as 'asleep'.
   *
   * @throws CommandError GUEST_FAILED
   */
  run(stop: () => boolean, limitNs: number): StretchEnd;
  /** Runs until `stop` or for `limitNs` of guest time, also through a sleep that nothing ends. */
  runThrough(stop: () => boolean, limitNs: number): void;
  /** As run(), but the guest's time does not run ahead of the host's; for real devices. */
  runPaced(stop: () => boolean, limitNs: number): Promise<StretchEnd>;
  detach(): void;
}

export interface GuestOptions {
  /** Allocates the guest's RAM where devices are to reach it by DMA. */
  readonly allocRam?: ((size: number) => Uint8Array<ArrayBuffer>) | undefined;
}

/** A kind of emulator that `run` knows. */
export interface GuestKind {
  readonly name: string;
  /** What an image is, for the help text. */
  readonly image: string;
  /** @throws CommandError NO_EMULATOR, GUEST_FAILED when the image cannot be one */
  create(image: Uint8Array, options: GuestOptions): Promise<Guest>;
}
