import type { DeviceProfile } from '../host/profiles/profile';

const ID_REGISTERS = 0xfd0;

/** The register at `offset` of region 0, by the profile's name where it has one. */
export function registerName(profile: DeviceProfile, offset: number): string {
  const register = profile.registers.find((candidate) => candidate.offset === (offset & ~3));
  const byte = offset & 3;
  if (register) return byte === 0 ? register.name : `${register.name}+${byte}`;
  return offset >= ID_REGISTERS ? 'id registers' : `0x${offset.toString(16)}`;
}

/** The same for totals: one name for what the guest sees as one register. */
export function registerGroup(profile: DeviceProfile, offset: number): string {
  return registerName(profile, offset).replace(/\[.*$/, '');
}
