import { setShortPaths } from '../access/short-path';
import { PHASE_OPEN, POLICY_STRICT } from '../boundary/options';
import { config, device, machine, transient } from '../state/records';
import { publishNextEoi } from './next-eoi';

/**
 * Brings transient.special up to date. Signals and accesses look at this one
 * word (or at what follows from it) instead of asking for tracing, direct
 * mapping, policy and pause one by one, so call it after each change of those.
 */
export function updateSpecial(): void {
  const plain =
    device.phase == PHASE_OPEN &&
    config.policy == POLICY_STRICT &&
    config.trace == 0 &&
    config.directMapping == 0 &&
    machine.paused == 0;
  transient.special = plain ? 0 : 1;
  setShortPaths(plain);
  publishNextEoi();
}
