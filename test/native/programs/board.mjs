// What the programs of lifecycle.test.ts share: they use the package as it is
// published, on the kernel that is played below them.
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { openDevice, VirtualClock } from 'vfio-platform-wasm';
import { NativeHost } from 'vfio-platform-wasm/native';

const control = openSync('/dev/vfio-play', 'r+');
const answer = Buffer.alloc(1 << 16);

/** Runs one command of the played kernel (test/native/preload/README.md). */
export function command(text) {
  writeSync(control, text);
  const result = answer.toString('latin1', 0, readSync(control, answer)).trimEnd();
  if (result.startsWith('error:')) throw new Error(`${text}: ${result}`);
  return result;
}

export const counters = () => JSON.parse(command('counters'));
export const closeControl = () => closeSync(control);
export const host = new NativeHost();
export const clock = new VirtualClock();

/** A device with a mapped region, one that is not, and a line of each kind. */
export function addDevice(name) {
  command(`device ${name} region=0x1000 region=0x100 irq=level irq=edge`);
}

/** Opens a device, with its lines connected to `up`. */
export async function open(name, up = () => {}, options = {}) {
  const device = await openDevice(
    host,
    { host: name, memoryBytes: 0x200000, ...options },
    { clock },
  );
  for (const { index } of device.lines) {
    device.connectLine(index, { up: () => up(device, index), down() {} });
  }
  return device;
}

/** What the process has open and mapped, as Linux itself counts it. */
export function tables() {
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return {
    openFiles: readdirSync('/proc/self/fd').length,
    playedMappings: maps.filter((line) => line.includes('/memfd:vfio')).length,
  };
}
