/** A block of guest memory that a device may reach by DMA. */
export interface GuestRam {
  /**
   * The bytes, page aligned in the host's address space where the kernel is real.
   * Where the memory grows, this is a new view of the same memory afterwards.
   */
  readonly bytes: Uint8Array;
  /**
   * Tells that a device has written `bytes`, part of the buffer that
   * {@link bytes} views: an emulator forgets code that it has compiled from
   * there. Only simulated devices can tell.
   */
  written?(bytes: Uint8Array): void;
}
