import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RP2040 } from 'rp2040js';
import { Rp2040Machine, bootFirmware, runUntil } from '../../host/machines/rp2040js';
import { plug } from '../../host/machines/plug';
import { SimulatedHost, Pl031, Pl061, Pl011 } from '../../host/sim';
import { MemorySink, record, replayCore, Trace, divergenceText, eventData, placedText } from '../../host/trace';
import { deviceSpecs } from '../../demo/devices';
import { Outside } from '../../demo/outside';

test('scratch', async () => {
  const machine = new Rp2040Machine(new RP2040());
  const { clock } = machine;
  const host = new SimulatedHost({ clock });
  const gpio = new Pl061();
  const uart = new Pl011({ onTransmit: (b) => outside.hear(b) });
  const outside = new Outside(clock, host.random, { setPin: (p, h) => gpio.setPin(p, h), sendToUart: (b) => uart.receive(b) }, { heard() {}, acts() {} });
  const models = [new Pl031({ tickNs: 1e6 }), gpio, uart];
  const sinks = new Map<string, MemorySink>();
  const recording = record(host, { uuid: (d) => d, sink: (d) => { const s = new MemorySink(); sinks.set(d, s); return s; } });
  const plugged = [];
  for (const [i, spec] of deviceSpecs.entries()) {
    host.addDevice({ name: spec.name, model: models[i]!, bus: 'amba' });
    plugged.push(await plug(recording, { host: spec.name }, machine, { regions: { 0: spec.base }, lines: { 0: spec.input } }));
  }
  bootFirmware(machine, new Uint8Array(readFileSync('firmware/stories.bin')));
  const word = (i: number) => machine.chip.readUint32(0x20000000 + 4 * i);
  runUntil(machine, () => (machine.chip as any).core.waiting && word(0) === 0x454e4f44, 1e9);
  for (const p of plugged) p.unplug();
  recording.finish();
  for (const [name, sink] of sinks) {
    const trace = Trace.open(sink.bytes());
    console.log(name, trace.totals, sink.length, sink.length / trace.totals.events, trace.finalised, trace.cut);
    expect(trace.verify()).toBeUndefined();
    const c = trace.cursor();
    const lines = [];
    while (c.next()) lines.push(placedText(eventData(c.event)));
    if (name.includes('pl031')) console.log(lines.slice(0, 120).join('\n'));
    const report = await replayCore(trace);
    if (report.divergence) console.log(divergenceText(report.divergence));
    expect(report.ok).toBe(true);
    const again = new MemorySink();
    const r2 = await replayCore(trace, { through: (h) => record(h, { uuid: name, sink: again }) });
    expect(r2.ok).toBe(true);
    expect(again.bytes()).toEqual(sink.bytes());
  }
});
