import type { RegionInfo } from '../../device/device-info';
import type { DeviceProfile, RegisterName } from '../../profiles/profile';
import { CommandError } from '../failure';
import { hex } from '../output/text';
import { didYouMean } from './parse';
import { bigValue, wholeNumber } from './values';

/** A place in a device, as the user names it. */
export interface RegisterPlace {
  readonly region: number;
  readonly offset: number;
  /** The register of the profile that is there. */
  readonly register: RegisterName | undefined;
}

/** What of an open device it takes to understand a place in it. */
export interface Addressable {
  readonly name: string;
  readonly profile: DeviceProfile | undefined;
  readonly regions: readonly RegionInfo[];
}

/**
 * '[REGION:]OFFSET' or the name of a register.
 *
 * @throws CommandError USAGE
 */
export function parsePlace(text: string, device: Addressable): RegisterPlace {
  const [first, second, ...more] = text.split(':');
  if (more.length > 0) throw new CommandError('USAGE', `'${text}' is no [REGION:]OFFSET`);
  const registers = device.profile?.registers ?? [];
  if (second === undefined && !/^\d/.test(text)) return byName(text, registers, device);
  const region = second === undefined ? 0 : wholeNumber(first ?? '', 'REGION', 0, 255);
  const offset = wholeNumber(second ?? first ?? '', 'OFFSET', 0, 0xffffffff);
  const register = registers.find((each) => each.region === region && each.offset === offset);
  return { region, offset, register };
}

function byName(
  text: string,
  registers: readonly RegisterName[],
  device: Addressable,
): RegisterPlace {
  const register = registers.find(({ name }) => name.toLowerCase() === text.toLowerCase());
  if (register) return { region: register.region, offset: register.offset, register };
  const names = registers.map(({ name }) => name);
  throw new CommandError('USAGE', `${device.name} has no register '${text}'`, {
    device: device.name,
    remedy:
      names.length === 0
        ? 'No names are known for this device: give [REGION:]OFFSET.'
        : (didYouMean(text, names) ?? `Its registers are ${names.join(', ')}.`),
  });
}

function refusal({ name }: Addressable, message: string): CommandError {
  return new CommandError('USAGE', `${name}: ${message}`, {
    device: name,
    remedy: `'vfio-wasm info ${name}' shows its regions.`,
  });
}

/**
 * Refuses what lies outside the device before anything reaches it.
 *
 * @throws CommandError USAGE
 */
export function checkPlace(
  { region, offset }: RegisterPlace,
  width: number,
  count: number,
  direction: 'read' | 'write',
  device: Addressable,
): void {
  const info = device.regions[region];
  if (info === undefined || info.size === 0n) {
    throw refusal(device, `there is no region ${region}; it has ${device.regions.length}`);
  }
  const end = BigInt(offset) + BigInt(width) * BigInt(count);
  if (end > info.size) {
    throw refusal(
      device,
      `${width * count} bytes at ${hex(offset)} are outside region ${region} of ${hex(info.size)} bytes`,
    );
  }
  if (offset % width !== 0) {
    throw refusal(
      device,
      `${hex(offset)} is no multiple of ${width}; an access of that width must be aligned`,
    );
  }
  if (direction === 'read' ? !info.readable : !info.writable) {
    throw refusal(
      device,
      `region ${region} cannot be ${direction === 'read' ? 'read' : 'written'}`,
    );
  }
}

/** 'PLACE=VALUE', for options that write registers. */
export interface RegisterWrite {
  readonly place: RegisterPlace;
  readonly value: number;
}

/** @throws CommandError USAGE */
export function parseWrites(
  assignments: readonly string[],
  width: number,
  device: Addressable,
): readonly RegisterWrite[] {
  return assignments.map((text) => {
    const [where, what, ...more] = text.split('=');
    if (where === undefined || what === undefined || more.length > 0) {
      throw new CommandError('USAGE', `'${text}' is no REGISTER=VALUE`);
    }
    const place = parsePlace(where, device);
    checkPlace(place, width, 1, 'write', device);
    return { place, value: Number(bigValue(what, 'VALUE', width * 8)) };
  });
}
