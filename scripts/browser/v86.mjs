// What a browser runs: the stories of firmware/stories-pc.elf in v86, with three devices of a
// simulated host plugged in by the built library. Tells the server what came of it.
import { plug } from '/dist/index.js';
import { V86Machine } from '/dist/machines/v86.js';
import { Pl011, Pl031, Pl061, SimulatedHost } from '/dist/sim.js';
import { StoriesOutside } from '/test/machines/stories-outside.ts';
import { V86 } from '/v86/libv86.mjs';

/** Where link-pc.ld puts what the stories result in, and their mark there when they are over. */
const SHARED = 0x20_0000;
const OVER = 0x454e4f44;
const PATIENCE_MS = 100_000;
const BASES = [0xfea0_0000, 0xfea0_4000, 0xfea0_8000];
const INPUTS = [5, 10, 11];

async function runStories() {
  const buffer = await (await fetch('/firmware/stories-pc.elf')).arrayBuffer();
  const emulator = new V86({
    wasm_path: '/v86/v86.wasm',
    memory_size: 16 * 1024 * 1024,
    multiboot: { buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    autostart: false,
  });
  const machine = await V86Machine.whenReady(emulator);
  const host = new SimulatedHost({ clock: machine.clock });
  const pl061 = new Pl061();
  const pl011 = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new StoriesOutside({
    clock: machine.clock,
    setPin: (pin, high) => pl061.setPin(pin, high),
    sendToUart: (bytes) => pl011.receive(bytes),
  });
  const events = [];
  const plugged = [];
  for (const [index, model] of [new Pl031({ tickNs: 1e6 }), pl061, pl011].entries()) {
    const name = `device${index}`;
    host.addDevice({ name, model, bus: 'amba' });
    plugged.push(
      await plug(host, { host: name }, machine, {
        regions: { 0: BASES[index] },
        lines: { 0: INPUTS[index] },
        listener: (event) => events.push(event.message ?? event.type),
      }),
    );
  }
  const [, ram] = machine.guestRam;
  const words = () => {
    const { bytes } = ram;
    return new Uint32Array(bytes.buffer, bytes.byteOffset + SHARED - ram.guestAddress, 6);
  };
  const start = performance.now();
  emulator.run();
  while (words()[0] !== OVER && performance.now() - start < PATIENCE_MS) {
    document.querySelector('#said').textContent = outside.lines.join('\n');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const [mark, failures, rtc, gpio, uart, spurious] = words();
  const lines = plugged.map(({ device }) => device.lines[0].statistics);
  for (const { unplug } of plugged) unplug();
  const left = Object.values(host.kernel.resources()).reduce((sum, count) => sum + count, 0);
  await emulator.destroy();
  return {
    over: mark === OVER,
    failures,
    spurious,
    handled: [rtc, gpio, uart],
    signals: lines.map(({ signals }) => signals),
    completions: lines.map(({ completions }) => completions),
    events,
    left,
    said: outside.lines,
    ms: Math.round(performance.now() - start),
  };
}

let body;
try {
  body = { stories: await runStories(), browser: navigator.userAgent };
} catch (error) {
  body = { error: String(error?.stack ?? error) };
}
const { stories, error } = body;
document.querySelector('#said').textContent =
  error ??
  `${stories.said.join('\n')}\n\n${JSON.stringify({ ...stories, said: undefined }, null, 1)}`;
await fetch('/result', { method: 'POST', body: JSON.stringify(body) });
