import {
  type Divergence,
  DivergenceError,
  divergenceText,
  record,
  replayHost,
  type Trace,
} from '../../trace';
import type { Command, Invocation, Report } from '../arguments/command';
import { flag, numberOption, text as textOption } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_CHECK, EXIT_OK } from '../exit-codes';
import { CommandError } from '../failure';
import {
  guestExit,
  guestOptions,
  guestPlan,
  guestText,
  runGuest,
  serialOutput,
} from '../guests/run-guest';
import { MAX_IMAGE_BYTES, MAX_REPLAY_TRACES } from '../limits';
import type { Paint } from '../output/paint';
import { hang } from '../output/text';
import { coreReplay, type ReplayOutcome } from '../traces/core-run';
import { createTraceFile, openTraceFile, type TraceFile } from '../traces/trace-file';

function exitOf(divergence: Divergence | undefined, cut: string | undefined): number {
  if (divergence !== undefined) return EXIT_CHECK;
  return cut === undefined ? EXIT_OK : EXIT_BAD_FILE;
}

/** The core again, with the trace for everything around it. */
async function replayCores(
  { terminal, values }: Invocation,
  files: readonly TraceFile[],
): Promise<Report> {
  const end = numberOption(values, 'to', {
    most: Number.MAX_SAFE_INTEGER,
    otherwise: Number.POSITIVE_INFINITY,
  });
  const output = textOption(values, 'output');
  if (output !== undefined && files.length > 1) {
    throw new CommandError('USAGE', '--output takes one trace');
  }
  const results: (ReplayOutcome & { readonly path: string; readonly lines: unknown })[] = [];
  for (const { path, trace } of files) {
    let lines: unknown;
    const options =
      output === undefined
        ? {}
        : {
            through: (host: Parameters<typeof record>[0]) =>
              record(host, {
                uuid: trace.header.uuid,
                quirks: trace.header.quirks,
                sink: createTraceFile(terminal, output, flag(values, 'force')),
              }),
          };
    const outcome = await coreReplay(trace, terminal, path, options, end, (replay) => {
      if (Number.isFinite(end) && replay.device?.closed === false) lines = replay.device.lines;
    });
    results.push({ path, lines, ...outcome });
  }
  const worst = results.map(({ divergence, cut }) => exitOf(divergence, cut));
  return {
    exitCode: worst.includes(EXIT_CHECK) ? EXIT_CHECK : Math.max(...worst),
    data: {
      ok: worst.every((code) => code === EXIT_OK),
      mode: 'core',
      traces: results.map(({ path, divergence, cut, position, lines }) => ({
        file: path,
        ok: divergence === undefined && cut === undefined,
        events: position,
        divergence,
        cut,
        lines,
      })),
    },
    text: (paint, columns) =>
      results.flatMap((result) => [
        ...resultText(paint, columns, result),
        ...(Array.isArray(result.lines) ? result.lines.map(lineText) : []),
      ]),
  };
}

function lineText(line: { index: number; state: string; up: boolean; armed: string }): string {
  return `  line ${line.index}: ${line.state}, ${line.up ? 'up' : 'down'}, armed: ${line.armed}`;
}

function resultText(
  paint: Paint,
  columns: number,
  { path, divergence, cut, position }: ReplayOutcome & { readonly path: string },
): string[] {
  if (divergence !== undefined) {
    return [`${path}: ${paint('red', 'differs')}`, divergenceText(divergence)];
  }
  if (cut !== undefined) {
    return hang(
      '',
      `${path}: ${position} events are the same; then it is cut off: ${cut}`,
      columns,
    );
  }
  return [`${path}: ${paint('green', 'the same')}, ${position} events`];
}

/** The guest again, with the traces for its devices. */
async function replayMachine(
  { terminal, values, json }: Invocation,
  imagePath: string,
  traces: readonly Trace[],
): Promise<Report> {
  const image = terminal.files.read(imagePath, MAX_IMAGE_BYTES);
  const plan = guestPlan(values);
  const guest = await plan.kind.create(image, {});
  let divergence: Divergence | undefined;
  const serial = serialOutput(terminal, json, plan);
  try {
    const host = replayHost(traces, { force: flag(values, 'force') });
    const source = {
      host,
      paced: false,
      locate: (name: string) => ({ host: fullName(name, traces) }),
      explain: (_: string, error: unknown) => error,
    };
    const outcome = await runGuest(guest, source, plan, terminal, serial);
    if (guestExit(outcome) === EXIT_OK) host.finish();
    return {
      exitCode: guestExit(outcome),
      data: { ok: true, mode: 'machine', divergence: undefined, ...outcome },
      text: (paint, columns) => [
        ...guestText(outcome, paint, columns),
        paint('green', 'the guest did the same'),
      ],
    };
  } catch (error) {
    const diverged = divergenceOf(error);
    if (diverged === undefined) throw error;
    divergence = diverged;
    return {
      exitCode: EXIT_CHECK,
      data: { ok: false, mode: 'machine', divergence, serial: serial.text },
      text: (paint) => [paint('red', 'the guest does something else'), divergenceText(diverged)],
    };
  } finally {
    guest.detach();
  }
}

/** The divergence somewhere behind an error: an emulator may wrap what a device throws. */
function divergenceOf(error: unknown): Divergence | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof DivergenceError) return each.divergence;
  }
  return undefined;
}

/** As on a host, a part of a device's name will do. */
function fullName(name: string, traces: readonly Trace[]): string {
  const names = traces.map(({ header }) => header.device.name);
  const similar = names.filter((each) => each.includes(name));
  return names.includes(name) || similar.length !== 1 ? name : (similar[0] as string);
}

export const replay: Command = {
  name: 'replay',
  summary: 'replay recordings without their devices, and compare',
  usage: 'TRACE…',
  positionals: [1, MAX_REPLAY_TRACES],
  options: {
    image: {
      type: 'string',
      value: 'IMAGE',
      help: 'run this guest on the recorded devices, instead of the core alone',
    },
    to: { type: 'string', value: 'EVENT', help: 'stop before this event, and show the lines' },
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: 'record the replay; the same bytes when nothing differs',
    },
    force: {
      type: 'boolean',
      help: 'replace FILE; with --image also a recording of DMA at sync points only',
    },
    ...guestOptions,
  },
  description: `
Runs the device core again from its recording, with no device and no guest, and
compares every call, event and effect: a regression test. With --image it runs
the guest again and the recordings play its devices (--device as in 'record');
that takes a machine that runs the same way each time: leave --image out for one
with the time of a wall clock.

Exit code 0 when all is the same, 8 at the first difference, which is shown with
the events before it and the state of the lines, 9 when a trace is damaged or
cut off. Needs no root and no VFIO.

  vfio-wasm replay rtc.vfiotrace
  vfio-wasm replay rtc.vfiotrace --image firmware.bin \\
      -d 9010000.pl031,region0=0x60000000,line0=20
`,
  async run(invocation) {
    const { positionals, values, terminal } = invocation;
    const files: TraceFile[] = [];
    try {
      for (const path of positionals) files.push(openTraceFile(terminal, path));
      const image = textOption(values, 'image');
      return image === undefined
        ? await replayCores(invocation, files)
        : await replayMachine(
            invocation,
            image,
            files.map(({ trace }) => trace),
          );
    } finally {
      for (const file of files) file.close();
    }
  },
};
