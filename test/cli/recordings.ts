import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { BoardDevice } from '../../host/cli/simulated/sample-board';
import { Pl011, Pl031, Pl061 } from '../../host/sim/models';
import { Desk } from './fixture';

export const image = new Uint8Array(
  readFileSync(new URL('../../firmware/stories.bin', import.meta.url)),
);
const base = { bus: 'amba', hostDriver: undefined, vfio: true } as const;
/** The board of the firmware, which goes on quickly where it finds all of it. */
export const board: readonly BoardDevice[] = [
  { ...base, name: 'a.rtc', group: 0, model: () => new Pl031({ tickNs: 200_000 }) },
  { ...base, name: 'b.uart', group: 1, model: (serial) => new Pl011({ onTransmit: serial }) },
  { ...base, name: 'c.gpio', group: 2, model: () => new Pl061() },
];
export const rtc = ['-d', 'rtc,region0=0x60000000,line0=20'];
export const uart = ['-d', 'uart,region0=0x60008000,line0=22'];
export const devices = [...rtc, ...uart, '-d', 'gpio,region0=0x60004000,line0=21'];
export const limit = ['--limit', '0.01'];
export const record = ['record', 'stories.bin', ...devices, ...limit, '-o', '%.trace'];
export const again = [
  'a.rtc.trace',
  'b.uart.trace',
  'c.gpio.trace',
  '--image',
  'stories.bin',
  ...devices,
];

/** A desk with recordings on it: one of each device, and a shorter one of the clock. */
export async function recorded(): Promise<Map<string, Uint8Array>> {
  const files = new Map([['stories.bin', image]]);
  const short = await call(files, ...record, '--limit', '0.005');
  files.set('short.trace', files.get('a.rtc.trace') ?? image);
  const { code } = await call(files, ...record, '--force');
  expect([short.code, code]).toEqual([0, 0]);
  return files;
}

/** One call on a new computer, with these files. */
export async function call(files: Map<string, Uint8Array>, ...args: readonly string[]) {
  const desk = new Desk({ board });
  for (const [name, bytes] of files) desk.terminal.files.files.set(name, bytes);
  const { terminal } = desk;
  const result = await desk.run(...args);
  for (const [name, bytes] of terminal.files.files) files.set(name, bytes);
  return result;
}
