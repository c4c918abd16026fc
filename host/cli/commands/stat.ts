import { type LineStat, statTrace, type TraceStat } from '../../trace';
import type { Command } from '../arguments/command';
import { numberOption, seconds } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_OK } from '../exit-codes';
import type { Paint } from '../output/paint';
import { table } from '../output/table';
import { blockingOnTrace } from '../traces/trace-file';

const NS_PER_MS = 1e6;

const microseconds = (ns: number | undefined) => (ns === undefined ? '-' : (ns / 1000).toFixed(3));

function problems({ storm, stalls }: LineStat): string {
  return [storm ? 'storm' : '', stalls > 0 ? `${stalls} stalled` : '']
    .filter((each) => each !== '')
    .join(', ');
}

function render(paint: Paint, columns: number, name: string, stat: TraceStat): string[] {
  const { events, accesses, timeNs, bytes, bytesPerEvent, kinds, failures, lines } = stat;
  const byCount = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  return [
    `${paint('bold', name)}: ${events} events, ${accesses} accesses, ${(timeNs / NS_PER_MS).toFixed(3)} ms`,
    `${bytes} bytes, ${bytesPerEvent.toFixed(2)} for each event`,
    '',
    'interrupts, and the time from trigger to EOI in µs:',
    ...table(
      paint,
      columns,
      [
        { title: 'LINE', cell: ({ line }) => String(line) },
        { title: 'SIGNALS', cell: ({ signals }) => String(signals) },
        { title: 'INJECTED', cell: ({ injections }) => String(injections) },
        { title: 'DONE', cell: ({ completions }) => String(completions) },
        {
          title: 'MEDIAN',
          cell: ({ triggerToEoi }) => microseconds(triggerToEoi.medianNs),
        },
        { title: 'P99', cell: ({ triggerToEoi }) => microseconds(triggerToEoi.p99Ns) },
        { title: 'MOST', cell: ({ triggerToEoi }) => microseconds(triggerToEoi.mostNs) },
        { title: 'PROBLEMS', cell: problems, least: 20 },
      ],
      lines,
    ),
    '',
    ...table(
      paint,
      columns,
      [
        { title: 'EVENT', cell: ([name]) => name },
        { title: 'COUNT', cell: ([, number]) => String(number) },
      ],
      byCount,
    ),
    ...Object.entries(failures).map(([what, number]) => `failed: ${what}, ${number} times`),
  ];
}

export const stat: Command = {
  name: 'stat',
  summary: 'what is in a recording: counts, latencies, storms, stalls',
  usage: 'TRACE',
  positionals: [1, 1],
  options: {
    stall: {
      type: 'string',
      value: 'SECONDS',
      help: 'an interrupt that takes longer is stalled (0.001)',
    },
    storm: {
      type: 'string',
      value: 'N',
      help: 'so many interrupts of a line in a millisecond are a storm (100)',
    },
  },
  description: `
Counts the events of a recording by kind and, for each line, its interrupts and
the time from the trigger to the end of interrupt, in the machine's time.

Exit code 9 when the trace is damaged or cut off.

  vfio-wasm stat rtc.vfiotrace
`,
  async run({ positionals, values, terminal }) {
    const stallMs = seconds(values, 'stall');
    const options = {
      ...(stallMs !== undefined && { stallNs: stallMs * NS_PER_MS }),
      stormPerMs: numberOption(values, 'storm', { least: 1, most: 1e9, otherwise: 100 }),
    };
    const path = positionals[0] as string;
    return blockingOnTrace(terminal, path, 'counting', (trace) => {
      const found = statTrace(trace, options);
      return {
        exitCode: trace.cut === undefined ? EXIT_OK : EXIT_BAD_FILE,
        data: { device: trace.header.device.name, cut: trace.cut, ...found },
        text: (paint, columns) => render(paint, columns, trace.header.device.name, found),
      };
    });
  },
};
