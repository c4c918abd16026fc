import { type Recording, record as recordHost } from '../../trace';
import type { Command } from '../arguments/command';
import { flag, seconds, text as textOption } from '../arguments/values';
import type { HostConnection, Terminal } from '../environment';
import { CommandError } from '../failure';
import { hostDevices } from '../guests/host-devices';
import {
  allocator,
  type GuestPlan,
  guestExit,
  guestOptions,
  guestPlan,
  guestText,
  runGuest,
  serialOutput,
} from '../guests/run-guest';
import { MAX_IMAGE_BYTES } from '../limits';
import { createTraceFile } from '../traces/trace-file';
import { DEVICE_NOTE } from './run';

/** What of a file name becomes the name of the device. */
const PLACEHOLDER = '%';

/** Which file each device is recorded into. @throws CommandError USAGE */
function fileNames(pattern: string | undefined, { specs }: GuestPlan) {
  if (specs.length === 0) throw new CommandError('USAGE', 'there is no --device to record');
  if (pattern === undefined) throw new CommandError('USAGE', 'there is no --output to record into');
  if (specs.length > 1 && !pattern.includes(PLACEHOLDER)) {
    throw new CommandError('USAGE', `${specs.length} devices cannot be recorded into one file`, {
      remedy: "Put a '%' into the name: it becomes the name of the device.",
    });
  }
  return (device: string) => pattern.replaceAll(PLACEHOLDER, device);
}

function recording(
  connection: HostConnection,
  terminal: Terminal,
  nameOf: (device: string) => string,
  options: { readonly replace: boolean; readonly atSync: boolean },
): { readonly host: Recording; readonly files: Map<string, string> } {
  const files = new Map<string, string>();
  const host = recordHost(connection.host, {
    uuid: () => terminal.uuid(),
    sink(device) {
      const path = nameOf(device);
      files.set(device, path);
      return createTraceFile(terminal, path, options.replace);
    },
    ...(options.atSync && { dma: 'at-sync' as const }),
    onProblem: (_, problem) => terminal.error(`vfio-wasm: ${problem.message}\n`),
  });
  return { host, files };
}

export const record: Command = {
  name: 'record',
  summary: 'run a guest as `run` does, and record its devices into files',
  usage: 'IMAGE',
  positionals: [1, 1],
  options: {
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: "where to; '%' in it becomes the name of the device",
    },
    force: { type: 'boolean', help: 'replace files that are there already' },
    flush: {
      type: 'string',
      value: 'SECONDS',
      help: 'guest time after which what is recorded is written, so that no crash takes it',
    },
    'dma-at-sync': {
      type: 'boolean',
      help: 'record DMA that cannot be seen as the pages that changed every few ms; not exact',
    },
    ...guestOptions,
  },
  description: `
Runs a guest and records what each device does and hears, one trace for each. A
trace replays without the device ('replay'), on every machine. It is valid at
any time: when the run is interrupted by Ctrl-C it ends in order, and what was
killed or lost its power opens up to the last whole chunk, some 32 KiB of events
before the end, or less with --flush. (The recording of a replay has the same
bytes only without --flush.)

${DEVICE_NOTE}

Needs what 'run' needs.

  vfio-wasm record firmware.bin -d 9010000.pl031,region0=0x60000000,line0=20 \\
      -o rtc.vfiotrace
`,
  async run({ positionals, values, json, terminal, system }) {
    const image = terminal.files.read(positionals[0] as string, MAX_IMAGE_BYTES);
    const plan = guestPlan(values);
    const nameOf = fileNames(textOption(values, 'output'), plan);
    const guest = await plan.kind.create(image, { allocRam: allocator(system, plan) });
    try {
      const connection = await system.connect(guest.machine.clock);
      try {
        const atSync = flag(values, 'dma-at-sync');
        const { host, files } = recording(connection, terminal, nameOf, {
          replace: flag(values, 'force'),
          atSync,
        });
        const serial = serialOutput(terminal, json, plan);
        connection.onSerial((_, byte) => serial.receive(byte));
        const source = hostDevices(system, host);
        const { clock } = guest.machine;
        const flushNs = (seconds(values, 'flush') ?? 0) * 1e6;
        let flushedNs = clock.nowNs();
        let stretch = 0;
        const betweenStretches = () => {
          if (atSync) host.sync(`stretch ${stretch++}`);
          if (flushNs === 0 || clock.nowNs() - flushedNs < flushNs) return;
          host.flush();
          flushedNs = clock.nowNs();
        };
        const outcome = await runGuest(
          guest,
          { ...source, betweenStretches },
          plan,
          terminal,
          serial,
        );
        host.finish();
        const { events } = host;
        const traces = [...files].map(([device, file]) => ({ device, file }));
        return {
          exitCode: guestExit(outcome),
          data: { ...outcome, events, traces },
          text: (paint, columns) => [
            ...guestText(outcome, paint, columns),
            ...traces.map(({ device, file }) => `  ${device} recorded into ${file}`),
            `  ${events} events`,
          ],
        };
      } finally {
        connection.close();
      }
    } finally {
      guest.detach();
    }
  },
};
