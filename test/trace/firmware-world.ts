import { readFileSync } from 'node:fs';
import { ConsoleLogger, LogLevel, RP2040 } from 'rp2040js';
import { deviceSpecsOf } from '../../demo/devices';
import { Outside } from '../../demo/outside';
import type { VfioHost } from '../../host/boundary/host';
import { type PluggedDevice, plug } from '../../host/machines/plug';
import { bootFirmware, Rp2040Machine, runToLimit, runUntil } from '../../host/machines/rp2040js';
import { Pl011, Pl031, Pl061, SimulatedHost } from '../../host/sim';
import { MemorySink, type RecordOptions, record, Trace } from '../../host/trace';

const deviceSpecs = deviceSpecsOf('rp2040js');
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e_4f44;
const firmware = new Uint8Array(readFileSync('firmware/stories.bin'));

/** The three devices of `npm start` on a simulated host. */
export function simulatedBoard(machine: Rp2040Machine): VfioHost {
  const host = new SimulatedHost({ clock: machine.clock });
  const gpio = new Pl061();
  const uart = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new Outside(
    machine.clock,
    host.random,
    {
      setPin: (pin, high) => gpio.setPin(pin, high),
      sendToUart: (bytes) => uart.receive(bytes),
    },
    { heard() {}, acts() {} },
  );
  const models = [new Pl031({ tickNs: 1e6 }), gpio, uart];
  for (const [index, { name }] of deviceSpecs.entries()) {
    host.addDevice({ name, model: models[index] as (typeof models)[number], bus: 'amba' });
  }
  return host;
}

/** Runs the firmware to its end with the devices of `host`; gives the guest's memory. */
export async function runFirmware(
  hostFor: (machine: Rp2040Machine) => VfioHost,
): Promise<{ readonly sram: Uint8Array; readonly elapsedNs: number }> {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const host = hostFor(machine);
  const plugged = [];
  for (const { name, base, input } of deviceSpecs) {
    plugged.push(
      await plug(host, { host: name }, machine, { regions: { 0: base }, lines: { 0: input } }),
    );
  }
  bootFirmware(machine, firmware);
  runUntil(machine, () => chip.core.waiting && chip.readUint32(RESULT) === RESULT_MAGIC, 1e9);
  for (const device of plugged) device.unplug();
  return { sram: chip.sram.slice(), elapsedNs: machine.clock.nowNs() };
}

/** The firmware with the devices of `host`, before its first instruction; for a MachineDebugger. */
export async function bootFirmwareOn(hostFor: (machine: Rp2040Machine) => VfioHost) {
  const chip = new RP2040();
  chip.logger = new ConsoleLogger(LogLevel.Error, false);
  const machine = new Rp2040Machine(chip);
  const host = hostFor(machine);
  const plugged: PluggedDevice[] = [];
  for (const { name, base, input } of deviceSpecs) {
    plugged.push(
      await plug(host, { host: name }, machine, { regions: { 0: base }, lines: { 0: input } }),
    );
  }
  bootFirmware(machine, firmware);
  return {
    chip,
    machine,
    plugged,
    devices: plugged.map(({ device }) => device),
    run(stop: () => boolean, limitNs: number) {
      runToLimit(machine, stop, limitNs);
    },
    unplug(name: string) {
      plugged.find(({ device }) => device.name === name)?.unplug();
    },
    dispose() {
      for (const device of plugged) device.unplug();
      machine.detach();
    },
  };
}

/** Records the devices of a host, each into memory. */
export function recordingInto(
  sinks: Map<string, MemorySink>,
  host: VfioHost,
  options: Partial<RecordOptions> = {},
) {
  return record(host, {
    ...options,
    uuid: (device) => `recording of ${device}`,
    sink(device) {
      const sink = new MemorySink();
      sinks.set(device, sink);
      return sink;
    },
  });
}

export function openAll(sinks: ReadonlyMap<string, MemorySink>): Trace[] {
  return [...sinks.values()].map((sink) => Trace.open(sink.bytes()));
}
