import { dirname, relative } from 'node:path';
import type { Trace } from '../../trace';
import { exportPerfetto, exportVcd, exportVitest } from '../../trace';
import type { Command } from '../arguments/command';
import { flag, oneOf, text as textOption } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_OK } from '../exit-codes';
import { writeParts } from '../traces/text-file';
import { openTraceFile } from '../traces/trace-file';

type Format = (trace: Trace, tracePath: string, output: string | undefined) => Iterable<string>;

/** Formats, and how each is made. */
const formats = {
  vcd: function* (trace) {
    for (const line of exportVcd(trace)) yield `${line}\n`;
  },
  perfetto: (trace) => exportPerfetto(trace),
  // The test looks for the trace from where it is itself.
  vitest: (trace, path, output) => [
    exportVitest(trace, { file: relative(dirname(output ?? ''), path) }),
  ],
} as const satisfies Readonly<Record<string, Format>>;

const names = Object.keys(formats) as (keyof typeof formats)[];

export const exportCommand: Command = {
  name: 'export',
  summary: 'a recording for other tools: VCD, Perfetto, a vitest test',
  usage: 'TRACE',
  positionals: [1, 1],
  options: {
    format: {
      type: 'string',
      short: 'f',
      value: names.join('|'),
      help: `the format (${names[0]})`,
    },
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: 'where to; the standard output unless given',
    },
    force: { type: 'boolean', help: 'replace a file that is there already' },
  },
  description: `
Writes a recording in the format of another tool:

  vcd       waveforms of the lines and accesses, for GTKWave or Surfer
  perfetto  Chrome trace events, for ui.perfetto.dev
  vitest    a regression test that replays the recording from where it is now

  vfio-wasm export rtc.vfiotrace -f perfetto -o rtc.json
`,
  async run({ positionals, values, json, terminal }) {
    const format = oneOf(values, 'format', names, names[0] as (typeof names)[number]);
    const output = textOption(values, 'output');
    const path = positionals[0] as string;
    let read = 0;
    const { trace, close } = openTraceFile(terminal, path, (part) => {
      read = part;
    });
    try {
      const length = await writeParts(
        terminal,
        output,
        flag(values, 'force'),
        formats[format](trace, path, output),
        'exporting',
        () => read,
      );
      return {
        exitCode: trace.cut === undefined ? EXIT_OK : EXIT_BAD_FILE,
        // Without a file the output is the export itself.
        data: json && output !== undefined ? { format, file: output, length } : undefined,
        text: () =>
          output === undefined ? [] : [`${length} characters of ${format} in ${output}`],
      };
    } finally {
      close();
    }
  },
};
