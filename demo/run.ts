import type { KernelResources } from '../host/boundary/kernel';
import type { DeviceStatistics, LineInfo } from '../host/device/device-info';
import type { DeviceOptions } from '../host/options/options';
import type { FirmwareResult } from './boards/board';
import { type Check, checkRun } from './checks';
import { type DeviceSpec, deviceSpecsOf, type MachineName } from './devices';
import type { DeviceRecord, Entry } from './recording';
import { type RecordingOutcome, verifyRecordings } from './recordings';
import { buildWorld } from './world';

export interface RunOptions {
  readonly machine: MachineName;
  readonly firmware: Uint8Array;
  readonly policy: NonNullable<DeviceOptions['policy']>;
  readonly seed: number;
}

/** What is known of a device after the run. */
export interface DeviceOutcome {
  readonly spec: DeviceSpec;
  readonly record: DeviceRecord;
  /** Times that the host's kernel signalled the line's eventfd. */
  readonly signals: number;
  readonly line: LineInfo;
  readonly statistics: DeviceStatistics;
}

/** A finished run. On rp2040js nothing in it depends on anything but the options. */
export interface Outcome {
  readonly machine: MachineName;
  readonly policy: RunOptions['policy'];
  readonly seed: number;
  readonly entries: readonly Entry[];
  readonly devices: readonly DeviceOutcome[];
  /** Guest time at the end. */
  readonly elapsedNs: number;
  /** What the firmware left in its memory; undefined when it did not get to its end. */
  readonly result: FirmwareResult | undefined;
  /** The recording of each device, replayed. */
  readonly recordings: readonly RecordingOutcome[];
  /** What the host still has open after everything was unplugged. */
  readonly leftOpen: KernelResources;
  readonly checks: readonly Check[];
  readonly ok: boolean;
}

/** Boots the firmware with the three devices, runs it to its end, and checks what came of it. */
export async function runDemo(options: RunOptions): Promise<Outcome> {
  const { machine, firmware, policy, seed } = options;
  const world = await buildWorld({ machine, firmware, seed, device: { policy } });
  let result: FirmwareResult | undefined;
  try {
    result = await world.run();
  } catch (error) {
    world.recorder.note('problem', error instanceof Error ? error.message : String(error));
  }
  const devices = deviceSpecsOf(machine).map((spec, index): DeviceOutcome => {
    const { device } = world.plugged[index] as (typeof world.plugged)[number];
    return {
      spec,
      record: world.recorder.devices[index] as DeviceRecord,
      signals: world.handles[index]?.line(0).signals ?? 0,
      line: device.lines[0] as LineInfo,
      statistics: device.statistics,
    };
  });
  const elapsedNs = world.board.machine.clock.nowNs();
  world.unplug();
  await world.board.close();
  const recordings = await verifyRecordings(world.recordings);
  const run = {
    machine,
    policy,
    seed,
    entries: world.recorder.entries,
    devices,
    elapsedNs,
    result,
    recordings,
    leftOpen: world.host.kernel.resources(),
  };
  const checks = checkRun(run);
  return { ...run, checks, ok: checks.every(({ ok }) => ok) };
}
