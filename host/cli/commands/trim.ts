import { trimTrace } from '../../trace';
import type { Command } from '../arguments/command';
import { flag, numberOption, text as textOption, texts, wholeNumber } from '../arguments/values';
import { EXIT_OK } from '../exit-codes';
import { CommandError } from '../failure';
import { MAX_LINE } from '../limits';
import { blockingOnTrace, createTraceFile, withTrace } from '../traces/trace-file';

const most = Number.MAX_SAFE_INTEGER;

export const trim: Command = {
  name: 'trim',
  summary: 'keep a window or some lines of a recording',
  usage: 'TRACE',
  positionals: [1, 1],
  options: {
    from: { type: 'string', value: 'EVENT', help: 'first event that is kept (0)' },
    to: { type: 'string', value: 'EVENT', help: 'first event that is not kept any more' },
    line: {
      type: 'string',
      multiple: true,
      value: 'N',
      help: 'keep this line and what belongs to none; may be repeated',
    },
    output: { type: 'string', short: 'o', value: 'FILE', help: 'where to' },
    force: { type: 'boolean', help: 'replace a file that is there already' },
  },
  description: `
Writes a part of a recording. A window replays like the whole: it has the
opening of the device and a checkpoint from which it goes on. A selection of
lines is for looking at only.

Ctrl-C leaves a valid file, with what had been written.

  vfio-wasm trim rtc.vfiotrace --from 1000 --to 2000 -o window.vfiotrace
`,
  async run({ positionals, values, terminal }) {
    const path = positionals[0] as string;
    const output = textOption(values, 'output');
    if (output === undefined) throw new CommandError('USAGE', 'there is no --output to write to');
    const from = numberOption(values, 'from', { most, otherwise: 0 });
    const to = numberOption(values, 'to', { most, otherwise: Number.POSITIVE_INFINITY });
    if (to <= from) {
      throw new CommandError('USAGE', `there is nothing from event ${from} to ${to}`);
    }
    const lines = texts(values, 'line').map((text) => wholeNumber(text, '--line', 0, MAX_LINE));
    const replace = flag(values, 'force');
    await blockingOnTrace(terminal, path, 'trimming', (trace) =>
      trimTrace(trace, createTraceFile(terminal, output, replace), {
        from,
        to,
        ...(lines.length > 0 && { lines }),
      }),
    );
    const { events, bytes } = await withTrace(terminal, output, (trace) => ({
      events: trace.totals.events,
      bytes: trace.size,
    }));
    return {
      exitCode: EXIT_OK,
      data: { file: output, events, bytes },
      text: () => [`${events} events in ${output}, ${bytes} bytes`],
    };
  },
};
