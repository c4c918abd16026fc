import type { GuestRam } from '../../boundary/guest-ram';
import { MAX_REPLAYED_RAM } from '../limits';

/** Guest RAM to do DMA writes in; of too much, only the size is there. */
export function guestRamOf(size: number): GuestRam {
  const bytes = size <= MAX_REPLAYED_RAM ? new Uint8Array(size) : { length: size };
  return { bytes: bytes as Uint8Array };
}
