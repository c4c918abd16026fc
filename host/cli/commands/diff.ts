import { diffTraces } from '../../trace';
import type { Command } from '../arguments/command';
import { flag } from '../arguments/values';
import { EXIT_CHECK, EXIT_OK } from '../exit-codes';
import { blockingOnTrace, withTrace } from '../traces/trace-file';

export const diff: Command = {
  name: 'diff',
  summary: 'the first difference of two recordings',
  usage: 'TRACE TRACE',
  positionals: [2, 2],
  options: {
    'ignore-time': { type: 'boolean', help: 'do not compare times' },
    'ignore-header': { type: 'boolean', help: 'do not compare what they are recordings of' },
  },
  description: `
Compares two recordings event by event and shows the first difference, with the
events before it. The UUIDs may differ.

Exit code 0 when they are the same, 8 when they differ.

  vfio-wasm diff good.vfiotrace bad.vfiotrace --ignore-time
`,
  async run({ positionals, values, terminal }) {
    const [first, second] = positionals as [string, string];
    const options = {
      ignoreTime: flag(values, 'ignore-time'),
      ignoreHeader: flag(values, 'ignore-header'),
    };
    const difference = await withTrace(terminal, second, (other) =>
      blockingOnTrace(terminal, first, 'comparing', (trace) => diffTraces(trace, other, options)),
    );
    return {
      exitCode: difference === undefined ? EXIT_OK : EXIT_CHECK,
      data: { same: difference === undefined, difference },
      text: (paint) =>
        difference === undefined
          ? [paint('green', 'the same')]
          : [
              ...(difference.kind === 'header'
                ? [paint('red', 'they are recordings of different things')]
                : [paint('red', `the first difference is at event ${difference.event}`)]),
              ...difference.before,
              `- ${difference.first ?? '(the trace ends)'}`,
              `+ ${difference.second ?? '(the trace ends)'}`,
            ],
    };
  },
};
