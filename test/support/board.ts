import type { VfioPlatformDevice } from '../../host/device/device';
import type { DeviceEvent } from '../../host/device/events';
import { type DeviceEnvironment, openDevice } from '../../host/device/open';
import type { DeviceOptions } from '../../host/options/options';
import type { DeviceModel } from '../../host/sim/models/model';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { VirtualClock } from '../../host/time/virtual-clock';
import { coreModule } from './core';

/** Records what a device does to its virtual lines: '+0' up, '-0' down. */
export class LineLog {
  readonly entries: string[] = [];
  readonly levels = new Map<number, boolean>();

  target(line: number) {
    return {
      up: () => {
        this.entries.push(`+${line}`);
        this.levels.set(line, true);
      },
      down: () => {
        this.entries.push(`-${line}`);
        this.levels.set(line, false);
      },
    };
  }

  /** The entries since the last call. */
  take(): string[] {
    return this.entries.splice(0);
  }
}

/** An open device on a simulated board, with all lines connected to a log. */
export interface Board<M extends DeviceModel> {
  readonly clock: VirtualClock;
  readonly host: SimulatedHost;
  readonly placed: ReturnType<SimulatedHost['addDevice']> & { readonly model: M };
  readonly device: VfioPlatformDevice;
  readonly lines: LineLog;
  readonly events: DeviceEvent[];
}

/** Puts `model` on a new board and opens it as 'dev', with the core under test. */
export async function openBoard<M extends DeviceModel>(
  model: M,
  options: DeviceOptions = {},
  environment: Partial<DeviceEnvironment> = {},
): Promise<Board<M>> {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const placed = host.addDevice({ name: 'dev', model });
  const events: DeviceEvent[] = [];
  const device = await openDevice(
    host,
    { host: 'dev', ...options },
    { clock, core: coreModule, listener: (event) => events.push(event), ...environment },
  );
  const lines = new LineLog();
  for (const { index } of device.lines) device.connectLine(index, lines.target(index));
  return { clock, host, placed, device, lines, events };
}
