import { type PluggedDevice, plug } from '../host/machines/plug';
import type { DeviceOptions } from '../host/options/options';
import { Pl011, Pl031, Pl061 } from '../host/sim/models';
import type { DeviceHandle } from '../host/sim/simulated-host';
import { SimulatedHost } from '../host/sim/simulated-host';
import type { Clock } from '../host/time/clock';
import { MemorySink, record } from '../host/trace';
import type { Board, FirmwareResult } from './boards/board';
import { rp2040Board } from './boards/rp2040js';
import { v86Board } from './boards/v86';
import { deviceSpecsOf, type MachineName } from './devices';
import { Outside } from './outside';
import { Recorder } from './recording';
import { recordingMachine } from './recording-machine';

/** The RTC's "second": short, so that alarms come soon. */
const RTC_TICK_NS = 1e6;

export interface WorldOptions {
  readonly machine: MachineName;
  /** The image of firmware/stories.bin, or stories-pc.elf. */
  readonly firmware: Uint8Array;
  /** For each of the three devices; `host` is filled in. */
  readonly device?: DeviceOptions;
  /** Of the outside's reaction times. */
  readonly seed?: number;
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
}

/** A simulated Linux host and an emulated guest, with the host's three devices passed through. */
export interface World {
  readonly host: SimulatedHost<Clock>;
  readonly board: Board;
  readonly recorder: Recorder;
  /** What crossed the boundary of each plugged device, by its name. */
  readonly recordings: Map<string, MemorySink>;
  /** The devices from the hardware's side, in the order of {@link deviceSpecsOf}. */
  readonly handles: readonly DeviceHandle[];
  /** The same devices from the guest's side. */
  readonly plugged: readonly PluggedDevice[];
  /** Runs the firmware to its end. @throws when it does not get there */
  run(): Promise<FirmwareResult>;
  /** Takes the devices out of the guest and closes them. */
  unplug(): void;
}

/** Builds the world and plugs the devices in; the guest has not run yet. */
export async function buildWorld(options: WorldOptions): Promise<World> {
  const deviceSpecs = deviceSpecsOf(options.machine);
  const board = await (options.machine === 'v86' ? v86Board : rp2040Board)(options.firmware);
  const { machine } = board;
  const { clock } = machine;
  const handles: DeviceHandle[] = [];
  const recorder = new Recorder(
    deviceSpecs.length,
    () => clock.nowNs(),
    (device) => (handles[device] as DeviceHandle).line(0),
  );

  const host = new SimulatedHost({ clock, seed: options.seed ?? 1 });
  const gpio = new Pl061();
  const uart = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new Outside(
    clock,
    host.random,
    {
      setPin: (pin, high) => gpio.setPin(pin, high),
      sendToUart: (bytes) => uart.receive(bytes),
    },
    {
      heard: (line) => recorder.note('firmware', line),
      acts: (what) => recorder.note('outside', what),
    },
  );
  const models = [new Pl031({ tickNs: RTC_TICK_NS }), gpio, uart];

  const recordings = new Map<string, MemorySink>();
  const recorded = record(host, {
    uuid: (name) => `npm start, seed ${options.seed ?? 1}, ${name}`,
    sink(name) {
      const sink = new MemorySink();
      recordings.set(name, sink);
      return sink;
    },
  });
  const plugged: PluggedDevice[] = [];
  for (const [device, spec] of deviceSpecs.entries()) {
    const model = models[device] as (typeof models)[number];
    // Linux has PrimeCells on the AMBA bus; the driver is vfio-amba there.
    const handle = host.addDevice({ name: spec.name, model, bus: 'amba' });
    handle.onIrq((_, event) => {
      if (event === 'signal') recorder.triggered(device);
    });
    handles.push(handle);
    plugged.push(
      await plug(
        recorded,
        { ...options.device, host: spec.name, trace: true },
        recordingMachine(machine, recorder, device),
        {
          regions: { 0: spec.base },
          lines: { 0: spec.input },
          listener: (event) => recorder.told(device, event),
          ...(options.core && { core: options.core }),
        },
      ),
    );
  }

  const tell = (input: number, what: (device: number) => void) => {
    const device = deviceSpecs.findIndex((spec) => spec.input === input);
    if (device >= 0) what(device);
  };
  return {
    host,
    board,
    recorder,
    recordings,
    handles,
    plugged,
    run: () =>
      board.run({
        entered: (input) => tell(input, (device) => recorder.entered(device)),
        returned: (input) => tell(input, (device) => recorder.returned(device)),
      }),
    unplug() {
      for (const device of plugged) device.unplug();
    },
  };
}
