import type { GuestKind } from './guest';
import { rp2040js } from './rp2040js';

/** The emulators that `run` knows; the first one unless told. */
export const guestKinds: readonly GuestKind[] = [rp2040js];
