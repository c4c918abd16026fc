import { RP2040 } from 'rp2040js';
import { type PluggedDevice, plug } from '../host/machines/plug';
import { bootFirmware, Rp2040Machine, runUntil } from '../host/machines/rp2040js';
import type { DeviceOptions } from '../host/options/options';
import { Pl011, Pl031, Pl061 } from '../host/sim/models';
import type { DeviceHandle } from '../host/sim/simulated-host';
import { SimulatedHost } from '../host/sim/simulated-host';
import { MemorySink, record } from '../host/trace';
import { deviceSpecs } from './devices';
import { Outside } from './outside';
import { Recorder } from './recording';
import { recordingMachine } from './recording-machine';

const MS = 1e6;
/** The firmware needs some 90 ms; one that hangs shall not keep anybody waiting. */
const LIMIT_NS = 1000 * MS;
/** The RTC's "second": short, so that alarms come soon. */
const RTC_TICK_NS = MS;
const FIRST_INTERRUPT = 16;

/** Where the firmware leaves its result, and the word that says that it has. */
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e_4f44;

export interface WorldOptions {
  /** The image of firmware/stories.bin. */
  readonly firmware: Uint8Array;
  /** For each of the three devices; `host` is filled in. */
  readonly device?: DeviceOptions;
  /** Of the outside's reaction times. */
  readonly seed?: number;
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
}

/** What the firmware counted, in the words of its DONE line. */
export interface FirmwareResult {
  readonly failures: number;
  readonly rtc: number;
  readonly gpio: number;
  readonly uart: number;
  readonly spurious: number;
}

/** A simulated Linux host and an rp2040js guest, with the host's three devices passed through. */
export interface World {
  readonly host: SimulatedHost<Rp2040Machine['clock']>;
  readonly machine: Rp2040Machine;
  readonly recorder: Recorder;
  /** What crossed the boundary of each plugged device, by its name. */
  readonly recordings: Map<string, MemorySink>;
  /** The devices from the hardware's side, in the order of {@link deviceSpecs}. */
  readonly handles: readonly DeviceHandle[];
  /** The same devices from the guest's side. */
  readonly plugged: readonly PluggedDevice[];
  /** Runs the firmware to its end. @throws GuestRunError when it does not get there */
  run(): FirmwareResult;
  /** Takes the devices out of the guest and closes them. */
  unplug(): void;
}

/** Builds the world and plugs the devices in; the guest has not run yet. */
export async function buildWorld(options: WorldOptions): Promise<World> {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const { clock } = machine;
  const handles: DeviceHandle[] = [];
  const recorder = new Recorder(
    deviceSpecs.length,
    () => clock.nowNs(),
    (device) => (handles[device] as DeviceHandle).line(0),
  );
  watchHandlers(chip, machine, recorder);

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

  bootFirmware(machine, options.firmware);
  const word = (index: number) => chip.readUint32(RESULT + 4 * index);
  return {
    host,
    machine,
    recorder,
    recordings,
    handles,
    plugged,
    run() {
      runUntil(machine, () => chip.core.waiting && word(0) === RESULT_MAGIC, LIMIT_NS);
      const [failures, rtc, gpio, uart, spurious] = [1, 2, 3, 4, 5].map(word) as Five;
      return { failures, rtc, gpio, uart, spurious };
    },
    unplug() {
      for (const device of plugged) device.unplug();
    },
  };
}

type Five = [number, number, number, number, number];

/** Tells the recorder when the guest enters the handler of a device's input, and when it returns. */
function watchHandlers(chip: RP2040, machine: Rp2040Machine, recorder: Recorder): void {
  const deviceOf = new Map(deviceSpecs.map(({ input }, device) => [input, device]));
  const { core } = chip;
  const enter = core.exceptionEntry;
  // The contract of a machine has no event for this: only the emulator knows.
  core.exceptionEntry = (exception) => {
    enter.call(core, exception);
    const device = deviceOf.get(exception - FIRST_INTERRUPT);
    if (device !== undefined) recorder.entered(device);
  };
  machine.onEoi((input) => {
    const device = deviceOf.get(input);
    if (device !== undefined) recorder.returned(device);
  });
}
