import type { DeviceEnvironment } from '../../../host/device/open';
import type { DeviceOptions } from '../../../host/options/options';
import type { DeviceHandle } from '../../../host/sim/simulated-host';
import { ProbeDevice } from '../device/models';
import { type Opened, Rig } from '../device/rig';

/** QEMU's default time-out of the direct mapping. */
const TIMEOUT_MS = 1100;

/** A device of registers, and what the event strings of defects.md do to it. */
export interface Scene extends Opened {
  readonly rig: Rig;
  readonly placed: DeviceHandle<ProbeDevice>;
  /**
   * Plays events: a digit is an edge of that line, 'a' a read, 'w' a write at
   * offset 0, 'timer' the time-out. Gives what each did to the lines.
   */
  play(events: string): string[];
}

export async function openScene(
  triggers: readonly ('edge' | 'level')[],
  options: DeviceOptions = {},
  environment: Partial<DeviceEnvironment> = {},
): Promise<Scene> {
  const rig = new Rig();
  const placed = rig.add(new ProbeDevice({ lines: triggers }));
  const opened = await rig.start(options, environment);
  const { device, lines } = opened;
  const play = (events: string) =>
    events.split(' ').map((event) => {
      if (event === 'a') device.read(0, 0, 4);
      else if (event === 'w') device.write(0, 0, 4, 1);
      else if (event === 'timer') rig.advanceMs(TIMEOUT_MS);
      else placed.pulse(Number(event));
      device.safePoint();
      return lines.take().join(' ');
    });
  return { ...opened, rig, placed, play };
}

/** States of the lines, 'i', 'p' or 'a' each. */
export function states({ device }: Opened): string {
  return device.lines.map(({ state }) => state[0]).join('');
}
