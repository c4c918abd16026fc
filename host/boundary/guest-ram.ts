/** A block of guest memory that a device may reach by DMA. */
export interface GuestRam {
  /** The bytes, page aligned in the host's address space where the kernel is real. */
  readonly bytes: Uint8Array;
}
