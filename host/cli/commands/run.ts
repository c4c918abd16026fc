import type { VfioPlatformDevice } from '../../device/device';
import { type PluggedDevice, plug } from '../../machines/plug';
import type { Command } from '../arguments/command';
import { oneOf, seconds, text as textOption, texts } from '../arguments/values';
import { type DeviceSpec, parseDeviceSpec } from '../arguments/wiring';
import { checkReady, explain } from '../connect/explain';
import { findDevice } from '../devices/find-device';
import type { HostConnection, HostSystem, Terminal } from '../environment';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_TIMEOUT } from '../exit-codes';
import { CommandError } from '../failure';
import { guestKinds } from '../guests';
import type { Guest, StretchEnd } from '../guests/guest';
import { SerialOutput } from '../guests/serial';
import { DEFAULT_RUN_LIMIT_S, MAX_IMAGE_BYTES, MAX_RUN_DEVICES } from '../limits';
import { hang } from '../output/text';

/** Guest time between two turns of the event loop, in which Ctrl-C is heard. */
const STRETCH_NS = 5_000_000;

type End = StretchEnd | 'interrupted';

async function plugAll(
  system: HostSystem,
  connection: HostConnection,
  guest: Guest,
  specs: readonly DeviceSpec[],
  warn: (text: string) => void,
): Promise<PluggedDevice[]> {
  const plugged: PluggedDevice[] = [];
  for (const { name, wiring, options } of specs) {
    const found = findDevice(system.files, name);
    try {
      checkReady(system, found);
      plugged.push(
        await plug(connection.host, { ...options, sysfsdev: found.busPath }, guest.machine, {
          ...wiring,
          listener: (event) => {
            if (event.type === 'warning') warn(event.message);
            else if (event.type === 'line-stuck')
              warn(`${found.name}: line ${event.line} is stuck`);
          },
        }),
      );
    } catch (error) {
      unplugAll(plugged);
      throw explain(system, found, error);
    }
  }
  return plugged;
}

function unplugAll(plugged: readonly PluggedDevice[]): void {
  for (const { unplug } of [...plugged].reverse()) unplug();
}

/** Runs the guest to its end, with a turn of the event loop now and then. */
async function runGuest(
  guest: Guest,
  system: HostSystem,
  terminal: Terminal,
  limitNs: number,
  done: () => boolean,
): Promise<End> {
  const { clock } = guest.machine;
  const { interrupted } = terminal;
  const startNs = clock.nowNs();
  const stop = () => done() || interrupted.aborted;
  for (;;) {
    const leftNs = limitNs - (clock.nowNs() - startNs);
    if (leftNs <= 0) return 'limit';
    const end =
      system.kind === 'native'
        ? await guest.runPaced(stop, leftNs)
        : guest.run(stop, Math.min(leftNs, STRETCH_NS));
    if (interrupted.aborted) return 'interrupted';
    if (end !== 'limit' || done()) return end;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function summary(device: VfioPlatformDevice) {
  const { reads, writes, failed, refused } = device.statistics;
  return {
    name: device.name,
    reads,
    writes,
    failed,
    refused,
    lines: device.lines.map(({ index, statistics }) => ({ line: index, ...statistics })),
  };
}

const endings: Readonly<Record<End, string>> = {
  stopped: 'the text came',
  limit: 'the limit of time was reached',
  asleep: 'the guest sleeps and nothing is due that could wake it',
  interrupted: 'interrupted',
};

function parseSpecs(given: readonly string[]): readonly DeviceSpec[] {
  if (given.length > MAX_RUN_DEVICES) {
    throw new CommandError('USAGE', `a machine takes ${MAX_RUN_DEVICES} devices at most`);
  }
  return given.map(parseDeviceSpec);
}

export const run: Command = {
  name: 'run',
  summary: 'run a guest image in an emulator, with devices passed through',
  usage: 'IMAGE',
  positionals: [1, 1],
  options: {
    machine: {
      type: 'string',
      value: guestKinds.map(({ name }) => name).join('|'),
      help: `the emulator (${guestKinds[0]?.name})`,
    },
    device: {
      type: 'string',
      short: 'd',
      multiple: true,
      value: 'DEVICE,…',
      help: 'a device, where the guest sees it, and options; may be repeated',
    },
    limit: {
      type: 'string',
      value: 'SECONDS',
      help: `guest time after which it ends (${DEFAULT_RUN_LIMIT_S})`,
    },
    until: { type: 'string', value: 'TEXT', help: 'end when a serial port has sent this' },
  },
  description: `
Boots IMAGE in an emulator and passes devices through to it. What serial ports
of the machine send goes to the standard output; a passed-through UART of a real
host sends to its own wire.

--device takes the name, 'regionN=ADDRESS' for each region and 'lineN=INPUT' for
each line that the guest shall see, and options of the device under their
names (README), as in QEMU: noiommu, policy=qemu, x-no-mmap, eoi=write …

IMAGE is, for
${guestKinds.map(({ name, image }) => `  ${name}: ${image}`).join('\n')}

On the simulated host, time is the guest's and runs as fast as it can; on a real
one it keeps step. Needs access to each device's node in /dev/vfio.

  vfio-wasm run firmware.bin -d 9000000.pl011,region0=0x60008000,line0=22
`,
  async run({ positionals, values, json, terminal, system }) {
    const image = terminal.files.read(positionals[0] as string, MAX_IMAGE_BYTES);
    const names = guestKinds.map(({ name }) => name);
    const chosen = oneOf(values, 'machine', names, names[0] as string);
    const kind = guestKinds.find(({ name }) => name === chosen) as (typeof guestKinds)[number];
    const specs = parseSpecs(texts(values, 'device'));
    const limitMs = seconds(values, 'limit') ?? DEFAULT_RUN_LIMIT_S * 1000;
    const until = textOption(values, 'until');
    const serial = new SerialOutput((text) => {
      if (!json) terminal.out(text);
    }, until);

    const guest = await kind.create(image, {
      allocRam: specs.some(({ options }) => options.dma === true)
        ? (size) => system.allocGuestRam(size)
        : undefined,
    });
    const connection = await system.connect(guest.machine.clock);
    let plugged: readonly PluggedDevice[] = [];
    try {
      guest.onSerial((byte) => serial.receive(byte));
      connection.onSerial((_, byte) => serial.receive(byte));
      plugged = await plugAll(system, connection, guest, specs, (text) =>
        terminal.error(`vfio-wasm: ${text}\n`),
      );
      const end = await runGuest(guest, system, terminal, limitMs * 1e6, () => serial.found);
      const devices = plugged.map(({ device }) => summary(device));
      const guestNs = guest.machine.clock.nowNs();
      const missed = until !== undefined && !serial.found;
      return {
        exitCode: end === 'interrupted' ? EXIT_INTERRUPTED : missed ? EXIT_TIMEOUT : EXIT_OK,
        data: {
          machine: kind.name,
          end,
          guestNs: Math.round(guestNs),
          untilFound: until === undefined ? undefined : serial.found,
          devices,
          serial: serial.text,
        },
        text: (paint, columns) => [
          ...(serial.text === '' || serial.text.endsWith('\n') ? [] : ['']),
          ...hang(
            '',
            `${kind.name}: ${(guestNs / 1e6).toFixed(3)} ms of guest time; ${endings[end]}`,
            columns,
          ).map((line) => paint('bold', line)),
          ...devices.flatMap(({ name, reads, writes, failed, refused, lines }) => [
            `  ${name}: ${reads} reads, ${writes} writes` +
              (failed + refused > 0 ? `, ${failed} failed, ${refused} refused` : ''),
            ...lines.map(
              ({ line, signals, injections, completions }) =>
                `    line ${line}: ${signals} signals, ${injections} injections, ${completions} completions`,
            ),
          ]),
        ],
      };
    } finally {
      try {
        unplugAll(plugged);
      } finally {
        connection.close();
        guest.detach();
      }
    }
  },
};
