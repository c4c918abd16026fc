import type { DeviceEvent } from '../../device/events';
import { errnoName } from '../../errors';
import type { RegisterPlace } from '../arguments/registers';
import { CommandError } from '../failure';
import { hex } from '../output/text';
import type { OpenedDevice } from './open';

function failed(
  { device, events }: OpenedDevice,
  { region, offset }: RegisterPlace,
  verb: string,
): CommandError {
  const failures = events.filter(
    (event): event is Extract<DeviceEvent, { type: 'access-failed' }> =>
      event.type === 'access-failed',
  );
  const { errno, problem } = failures.at(-1) ?? {};
  const reason =
    errno === undefined ? (problem ?? 'the kernel did not tell why') : errnoName(errno);
  return new CommandError(
    'ACCESS_FAILED',
    `${device.name}: cannot ${verb} ${hex(offset)} of region ${region}: ${reason}`,
    {
      device: device.name,
      errno,
      remedy: 'Its clock or power may be off, or it may want another width.',
    },
  );
}

function failures({ device }: OpenedDevice): number {
  return device.statistics.failed + device.statistics.refused;
}

/** One read that succeeds. @throws CommandError ACCESS_FAILED */
export function readRegister(opened: OpenedDevice, place: RegisterPlace, width: number): bigint {
  const before = failures(opened);
  const { device } = opened;
  const value =
    width === 8
      ? device.read64(place.region, place.offset)
      : BigInt(device.read(place.region, place.offset, width));
  if (failures(opened) !== before) throw failed(opened, place, 'read');
  return value;
}

/** One write that succeeds. @throws CommandError ACCESS_FAILED */
export function writeRegister(
  opened: OpenedDevice,
  place: RegisterPlace,
  width: number,
  value: bigint,
): void {
  const before = failures(opened);
  const { device } = opened;
  if (width === 8) device.write64(place.region, place.offset, value);
  else device.write(place.region, place.offset, width, Number(value));
  if (failures(opened) !== before) throw failed(opened, place, 'write');
}
