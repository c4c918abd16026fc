import { afterEach, expect } from 'vitest';
import type { VfioPlatformDevice } from '../../host/device/device';
import type { DeviceEvent } from '../../host/device/events';
import { type DeviceEnvironment, openDevice } from '../../host/device/open';
import type { DeviceOptions } from '../../host/options/options';
import { LineLog } from '../support/board';
import { coreModule } from '../support/core';
import type { MakeWorld, World, WorldOptions } from './world';

export { refusal, refused } from '../support/refusals';

/** Enough for the state and a few windows. */
const SMALL_MEMORY = 0x200000;
/** Safe points until a signal has surely arrived. */
const PATIENCE = 2000;

export const NOTHING_OPEN = { fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 };

/** An open device with what it did to its lines and what it told. */
export interface Opened {
  readonly device: VfioPlatformDevice;
  readonly lines: LineLog;
  readonly events: DeviceEvent[];
}

/** Worlds for the tests of one file; after each test everything must be closed. */
export class Rig {
  readonly #make: MakeWorld;
  #world: World | undefined;
  readonly #devices: VfioPlatformDevice[] = [];

  constructor(make: MakeWorld) {
    this.#make = make;
    afterEach(() => this.#tidy());
  }

  /** The world of this test. */
  get world(): World {
    this.#world ??= this.#make();
    return this.#world;
  }

  /** A world whose kernel was booted otherwise; before anything else of the test. */
  boot(options: WorldOptions): World {
    this.#world = this.#make(options);
    return this.#world;
  }

  async open(
    options: DeviceOptions,
    environment: Partial<DeviceEnvironment> = {},
  ): Promise<Opened> {
    const events: DeviceEvent[] = [];
    const device = await openDevice(
      this.world.host,
      { memoryBytes: SMALL_MEMORY, ...options },
      {
        clock: this.world.clock,
        core: coreModule,
        listener: (event) => events.push(event),
        ...environment,
      },
    );
    this.#devices.push(device);
    return { device, lines: new LineLog(), events };
  }

  /** Opens a device and connects all of its lines. */
  async start(options: DeviceOptions): Promise<Opened> {
    const opened = await this.open(options);
    for (const { index } of opened.device.lines) {
      opened.device.connectLine(index, opened.lines.target(index));
    }
    return opened;
  }

  /** Runs the machine until its lines have made these moves, and expects no others. */
  async moves({ device, lines }: Opened, expected: readonly string[]): Promise<void> {
    const seen: string[] = [];
    for (let point = 0; point < PATIENCE && seen.length < expected.length; point++) {
      device.safePoint();
      seen.push(...lines.take());
      if (seen.length < expected.length) await this.world.settle();
    }
    expect(seen).toEqual(expected);
  }

  /** Runs the machine for a while, in which its lines must not move. */
  async quiet({ device, lines }: Opened): Promise<void> {
    for (let point = 0; point < 5; point++) {
      await this.world.settle();
      device.safePoint();
    }
    expect(lines.take()).toEqual([]);
  }

  #tidy(): void {
    const world = this.#world;
    if (world === undefined) return;
    this.#world = undefined;
    world.clearFaults();
    for (const device of this.#devices.splice(0)) device.close();
    try {
      expect(world.resources()).toEqual(NOTHING_OPEN);
      expect(world.host.kernel.resources()).toEqual(NOTHING_OPEN);
    } finally {
      world.end();
    }
  }
}

export function warnings({ events }: Opened): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

/** Failed accesses as they were told: 'read failed EIO'. */
export function failedAccesses({ events }: Opened): string[] {
  return events.flatMap((event) =>
    event.type === 'access-failed'
      ? [`${event.direction} ${event.problem} ${event.errno ?? '-'}`]
      : [],
  );
}
