import { alteraPs2Profile } from './altera-ps2';
import { dwApbUartProfile } from './dw-apb-uart';
import { ns16550Profile } from './ns16550';
import { pl011Profile } from './pl011';
import { pl031Profile } from './pl031';
import { pl061Profile } from './pl061';
import type { DeviceProfile } from './profile';
import { virtioMmioProfile } from './virtio-mmio';

export { alteraPs2Profile } from './altera-ps2';
export { dwApbUartProfile } from './dw-apb-uart';
export { ns16550Profile, ns16550ProfileFor } from './ns16550';
export { pl011Profile } from './pl011';
export { pl031Profile } from './pl031';
export { pl061Profile } from './pl061';
export type { DescriptionHints, DeviceProfile, EoiRule, RegisterName } from './profile';
export { virtioMmioProfile } from './virtio-mmio';

/** The profiles that come with the package. */
export const builtinProfiles: readonly DeviceProfile[] = [
  pl031Profile,
  pl061Profile,
  pl011Profile,
  ns16550Profile,
  dwApbUartProfile,
  virtioMmioProfile,
  alteraPs2Profile,
];

/**
 * The profile for a device: the one that knows the most specific of its
 * compatible strings, and of several such the first in `extra`, then in
 * {@link builtinProfiles}.
 *
 * @param compatible the device's compatible strings, most specific first.
 */
export function findProfile(
  compatible: readonly string[],
  extra: readonly DeviceProfile[] = [],
): DeviceProfile | undefined {
  const candidates = [...extra, ...builtinProfiles];
  for (const name of compatible) {
    const found = candidates.find((profile) => profile.compatible.includes(name));
    if (found) return found;
  }
  return undefined;
}
