import {
  DivergenceError,
  divergenceText,
  locateDivergence,
  record,
  TraceDebugger,
} from '../../trace';
import type { Command, Invocation, Report, Values } from '../arguments/command';
import { flag, text as textOption } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_CHECK, EXIT_OK } from '../exit-codes';
import { CommandError } from '../failure';
import { guestOptions } from '../guests/run-guest';
import { MAX_REPLAY_TRACES } from '../limits';
import type { Paint } from '../output/paint';
import { hang } from '../output/text';
import { coreReplay, type ReplayOutcome } from '../traces/core-run';
import { replayMachine } from '../traces/machine-run';
import { createTraceFile, openTraceFile, type TraceFile } from '../traces/trace-file';
import {
  placeText,
  type WalkPlace,
  type WalkPlan,
  walkOptions,
  walkPlan,
  walkThrough,
} from '../traces/walk';

interface Result extends ReplayOutcome {
  readonly path: string;
  readonly place: WalkPlace | undefined;
}

function exitOf({ divergence, cut }: ReplayOutcome): number {
  if (divergence !== undefined) return EXIT_CHECK;
  return cut === undefined ? EXIT_OK : EXIT_BAD_FILE;
}

/** The core again, with the trace for everything around it. */
async function replayCores(
  invocation: Invocation,
  files: readonly TraceFile[],
  plan: WalkPlan | undefined,
): Promise<Report> {
  const output = textOption(invocation.values, 'output');
  if (output !== undefined && files.length > 1) {
    throw new CommandError('USAGE', '--output takes one trace');
  }
  if (output !== undefined && plan !== undefined && !isEndOnly(plan)) {
    throw new CommandError('USAGE', '--output records from the start; it goes with --to only');
  }
  const results: Result[] = [];
  for (const file of files) {
    results.push(
      plan === undefined || output !== undefined
        ? await replayThrough(invocation, file, output, plan?.to)
        : await walkIn(invocation, file, plan),
    );
  }
  const worst = results.map(exitOf);
  return {
    exitCode: worst.includes(EXIT_CHECK) ? EXIT_CHECK : Math.max(...worst),
    data: {
      ok: worst.every((code) => code === EXIT_OK),
      mode: 'core',
      traces: results.map(({ path, divergence, cut, position, place }) => ({
        file: path,
        ok: divergence === undefined && cut === undefined,
        events: position,
        divergence,
        cut,
        ...place,
      })),
    },
    text: (paint, columns) => results.flatMap((result) => resultText(paint, columns, result)),
  };
}

/** Options that would go unheard beside others. @throws CommandError USAGE */
function checkTogether(values: Values, plan: WalkPlan | undefined): void {
  if (values.image === undefined) return;
  if (values.output !== undefined) {
    throw new CommandError('USAGE', '--output records the core alone; leave --image out');
  }
  const unheard = ['until', 'limit'].find((name) => values[name] !== undefined);
  if (plan !== undefined && unheard !== undefined) {
    throw new CommandError(
      'USAGE',
      `--${unheard} ends a run; a walk with --to, --interrupt, --access or --back ends at its place`,
    );
  }
}

function isEndOnly({ interrupt, access, back }: WalkPlan): boolean {
  return interrupt === undefined && access === undefined && back === 0;
}

/** From the start to an event or to the end. */
async function replayThrough(
  { terminal, values }: Invocation,
  { path, trace }: TraceFile,
  output: string | undefined,
  end: number | undefined,
): Promise<Result> {
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
  return { path, place: undefined, ...(await coreReplay(trace, terminal, path, options, end)) };
}

/** To a place in a recording. */
async function walkIn(
  { terminal }: Invocation,
  { path, trace }: TraceFile,
  plan: WalkPlan,
): Promise<Result> {
  let walk: TraceDebugger | undefined;
  try {
    walk = await TraceDebugger.start(trace);
    const place = await walkThrough(walk, plan, terminal);
    const { position } = place;
    const cut = walk.ended ? trace.cut?.reason : undefined;
    return { path, divergence: undefined, cut, position, place };
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    const divergence = await locateDivergence(trace, error.divergence);
    return { path, divergence, cut: undefined, position: divergence.event, place: undefined };
  } finally {
    walk?.dispose();
  }
}

function resultText(
  paint: Paint,
  columns: number,
  { path, divergence, cut, position, place }: Result,
): string[] {
  if (divergence !== undefined) {
    return [`${path}: ${paint('red', 'differs')}`, divergenceText(divergence)];
  }
  if (place !== undefined) {
    const [first = '', ...more] = placeText(place);
    return [`${path}: ${paint('green', 'the same')}, ${first}`, ...more];
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
    ...walkOptions,
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

With --to, --interrupt, --access and --back it goes to a place in the recording,
forward and backward, and shows where it stands; with --image that is between
two instructions of the guest, and the place is one in the first trace.

Calls that a program made on a device while the guest ran (reset, mask and the
like; 'record' makes none) are repeated by the core alone, and with --image on
the way to a place; to the end, that is --to with a number beyond it.

Exit code 0 when all is the same, 8 at the first difference, which is shown with
the events before it, the state of the lines, and the interval between two
checkpoints of the recording in which the core's state began to differ; 9 when a
trace is damaged or cut off. Needs no root and no VFIO.

  vfio-wasm replay rtc.vfiotrace
  vfio-wasm replay rtc.vfiotrace --to 4000 --interrupt 0 --back 1
  vfio-wasm replay rtc.vfiotrace --image firmware.bin \\
      -d 9010000.pl031,region0=0x60000000,line0=20
`,
  async run(invocation) {
    const { positionals, values, terminal } = invocation;
    const plan = walkPlan(values);
    checkTogether(values, plan);
    const files: TraceFile[] = [];
    try {
      for (const path of positionals) files.push(openTraceFile(terminal, path));
      const image = textOption(values, 'image');
      return image === undefined
        ? await replayCores(invocation, files, plan)
        : await replayMachine(
            invocation,
            image,
            files.map(({ trace }) => trace),
            plan,
          );
    } finally {
      for (const file of files) file.close();
    }
  },
};
